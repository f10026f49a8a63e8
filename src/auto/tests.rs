//! The hosts of `fixtures/host/auto.toml`: what is there, and what is chosen for it.

use std::fmt::Write as _;

use serde::Deserialize;

use super::*;
use crate::accelerator::{AcceleratorPattern, Capability};
use crate::host::{Device, GpuSource, Nvidia, NvidiaGpu, Vendor};

#[derive(Deserialize)]
struct Hosts {
    host: Vec<Row>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Row {
    name: String,
    /// Row of the acceptance list.
    #[serde(rename = "row")]
    acceptance: Option<String>,
    /// `linux-x86_64` unless it says so; `none` is a machine that no lock can be made for.
    platform: Option<String>,
    glibc: Option<[u16; 2]>,
    python: Option<String>,
    torch: Option<String>,
    driver: Option<String>,
    /// What the driver says of CUDA.
    cuda: Option<[u16; 2]>,
    capabilities: Vec<String>,
    gfx: Vec<String>,
    /// Devices as `8086:e20b`.
    pci: Vec<String>,
    wsl: bool,
    tegra: bool,
    chosen: Option<String>,
    newest: Option<String>,
    /// The bound on torch.
    bound: Option<String>,
    /// Newest release that an index is known to have.
    recorded: Option<String>,
    warnings: Vec<String>,
    newer: Option<String>,
    error: Option<String>,
    says: Vec<String>,
    never: Vec<String>,
    /// Accelerators of the locks that are there, some with a platform.
    locks: Vec<String>,
    taken: Option<String>,
    unfit: Option<String>,
}

fn machine(row: &Row) -> Machine {
    let platform = row.platform.as_deref().unwrap_or("linux-x86_64");
    let platform = (platform != "none").then(|| platform.parse::<Platform>().unwrap());
    let devices = row.pci.iter().map(|device| {
        let (vendor, id) = device.split_once(':').unwrap();
        Device {
            vendor: match vendor {
                "10de" => Vendor::Nvidia,
                "1002" => Vendor::Amd,
                _ => Vendor::Intel,
            },
            id: u16::from_str_radix(id, 16).unwrap(),
        }
    });
    let devices: Vec<Device> = devices.collect();
    let driver = row.driver.as_ref().map(|driver| driver.parse().unwrap());
    let on_bus = devices.iter().any(|device| device.vendor == Vendor::Nvidia);
    let gpus = row.capabilities.iter().map(|capability| NvidiaGpu {
        name: String::new(),
        capability: Some(capability.parse::<Capability>().unwrap()),
    });
    let nvidia = (driver.is_some() || on_bus).then(|| Nvidia {
        driver,
        cuda: row.cuda.map(|[major, minor]| (major, minor)),
        gpus: gpus.collect(),
        source: GpuSource::Flags,
    });
    Machine {
        platform,
        floor: row.glibc.map_or((2, 35), |[major, minor]| (major, minor)),
        gpus: Gpus {
            nvidia,
            amd: row.gfx.iter().map(|gfx| gfx.parse().unwrap()).collect(),
            devices,
            wsl: row.wsl,
            tegra: row.tegra,
        },
    }
}

#[test]
fn every_host() {
    let hosts: Hosts = toml::from_str(include_str!("../../fixtures/host/auto.toml")).unwrap();
    let table = Table::built_in();
    let mut wrong = String::new();
    let mut rows = std::collections::BTreeSet::new();
    for row in &hosts.host {
        rows.extend(row.acceptance.clone());
        let wanted = Wanted {
            python: Some(row.python.as_deref().unwrap_or("3.12").parse().unwrap()),
            torch: row.torch.as_ref().map(|torch| torch.parse().unwrap()),
        };
        let machine = machine(row);
        let problem = match choose(&machine, &wanted, table) {
            Ok(choice) => differs(row, &choice, table),
            Err(error) => refusal_differs(row, &error),
        };
        if let Some(problem) = problem {
            writeln!(wrong, "{} ({}): {problem}", row.name, machine.seen()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let expected: Vec<String> = (51..=61).map(|number| format!("A{number}")).collect();
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), expected);
    assert!(hosts.host.len() >= 30, "{}", hosts.host.len());
}

fn differs(row: &Row, choice: &Choice, table: &Table) -> Option<String> {
    let shown = |text: Option<String>| text.unwrap_or_default();
    let warnings: Vec<String> = choice
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.code.0, warning.message))
        .collect();
    let accelerator = choice.accelerator.to_string();
    let recorded = table
        .builds
        .iter()
        .filter(|build| {
            build
                .accelerators
                .contains(&AcceleratorPattern::One(choice.accelerator))
        })
        .map(|build| build.torch.clone())
        .max();
    let found = [
        ("chosen", accelerator.clone(), shown(row.chosen.clone())),
        (
            "newest",
            shown(choice.newest.map(|newest| newest.to_string())),
            shown(row.newest.clone()),
        ),
        (
            "bound",
            shown(choice.torch.as_ref().map(ToString::to_string)),
            shown(row.bound.clone()),
        ),
        (
            "newer",
            shown(choice.newer.clone()),
            shown(row.newer.clone()),
        ),
        ("warnings", warnings.join("\n"), row.warnings.join("\n")),
        (
            "recorded",
            row.recorded.as_ref().map_or_else(String::new, |_| {
                shown(recorded.map(|version| version.to_string()))
            }),
            shown(row.recorded.clone()),
        ),
    ];
    let mut wrong = found
        .iter()
        .filter(|(_, found, expected)| found != expected);
    if row.error.is_some() {
        return Some(format!("{accelerator} is chosen"));
    }
    if row.never.contains(&accelerator) {
        return Some(format!("{accelerator} must never be chosen"));
    }
    let lines: Vec<String> = wrong
        .by_ref()
        .map(|(what, found, expected)| format!("{what} is `{found}`, expected `{expected}`"))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn refusal_differs(row: &Row, error: &Diagnostic) -> Option<String> {
    let help = error.help.clone().unwrap_or_default();
    let same = row.error.as_deref() == Some(error.message.as_str())
        && row.says.iter().all(|said| help.contains(said.as_str()));
    (!same).then(|| format!("refused: {} ({help})", error.message))
}

/// What a person reads is one line.
#[test]
fn a_choice_in_a_sentence() {
    let row = Row {
        driver: Some("535.183.01".to_owned()),
        capabilities: vec!["8.0".to_owned(), "8.0".to_owned()],
        ..Row::default()
    };
    let machine = machine(&row);
    let choice = choose(&machine, &Wanted::default(), Table::built_in()).unwrap();
    assert_eq!(
        choice.sentence(&machine),
        "2 × NVIDIA GPU (8.0), driver 535.183.01: cu126, torch up to 2.14; cu130 of torch 2.15 needs driver 580"
    );
}

/// The hosts of `fixtures/host/locks.toml`: which lock is taken, and what stays idle.
#[test]
fn every_lock_on_its_machine() {
    let text = include_str!("../../fixtures/host/locks.toml");
    let hosts: Hosts = toml::from_str(text).unwrap();
    for row in &hosts.host {
        let machine = machine(row);
        let targets = row.locks.iter().map(|lock| {
            let (accelerator, platform) = lock.split_once(' ').unwrap_or((lock, ""));
            let platform = platform.parse().ok().or(machine.platform).unwrap();
            pinsmith_resolver::Target {
                accelerator: accelerator.parse().unwrap(),
                ..pinsmith_resolver::Target::new("3.12".parse().unwrap(), platform)
            }
        });
        let targets: Vec<_> = targets.collect();
        let torch = row.torch.as_ref().map(|torch| torch.parse().unwrap());
        let found = best_fit(&machine, &targets, torch.as_ref(), Table::built_in());
        let taken = found
            .as_ref()
            .map(|(_, target)| target.accelerator.to_string());
        assert_eq!(taken, row.taken, "{}", row.name);
        let unfit = match found {
            Some((Fit::Idle(why), _)) => Some(why),
            _ => None,
        };
        assert_eq!(unfit, row.unfit, "{}", row.name);
    }
}

/// What `docs/accelerators.md` tells the owner of each machine is what is chosen for it.
#[test]
fn the_book_says_what_is_chosen() {
    let page = include_str!("../../docs/accelerators.md");
    let start = page.find("| machine |").unwrap();
    let lines = page[start..].lines().skip(2);
    let mut before = (String::new(), String::new());
    let mut judged = 0;
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, capability, drivers, builds, torch, _] = cells[..] else {
            panic!("{line}");
        };
        if !name.is_empty() {
            before = (name.to_owned(), capability.to_owned());
        }
        let (name, capability) = &before;
        let platform = [
            ("linux-aarch64", "linux-aarch64"),
            ("Mac with Apple", "macos-arm64"),
            ("Mac with Intel", "macos-x86_64"),
        ];
        let platform = platform.iter().find(|(word, _)| name.contains(word));
        let words = name.split(['(', ')', ' ', ',']);
        let gfx: Vec<String> = words
            .filter(|word| word.starts_with("gfx"))
            .map(str::to_owned)
            .collect();
        // a range of capabilities or cards stands for each of them
        let numbers = capability.replace(" to ", ", ");
        let capabilities = numbers.split(", ").filter(|one| !one.is_empty());
        let cards: Vec<(Vec<String>, Vec<String>)> = capabilities
            .map(|one| (vec![one.to_owned()], Vec::new()))
            .chain(gfx.into_iter().map(|one| (Vec::new(), vec![one])))
            .collect();
        let cards = if cards.is_empty() {
            vec![(Vec::new(), Vec::new())]
        } else {
            cards
        };
        let ends = drivers.split(',').next().unwrap_or_default().split(" to ");
        let ends: Vec<Option<String>> = ends
            .map(|end| end.starts_with(|c: char| c.is_ascii_digit()).then_some(end))
            .map(|end| {
                end.map(|end| {
                    if end.contains('.') {
                        end.to_owned()
                    } else {
                        format!("{end}.65.06")
                    }
                })
            })
            .collect();
        for (capabilities, gfx) in cards {
            for driver in &ends {
                let tegra = name.contains("Jetson");
                let row = Row {
                    platform: platform.map(|(_, platform)| (*platform).to_owned()),
                    capabilities: if driver.is_some() {
                        capabilities.clone()
                    } else {
                        Vec::new()
                    },
                    driver: driver.clone(),
                    gfx: gfx.clone(),
                    pci: if name.contains("Arc ") {
                        vec!["8086:e20b".to_owned()]
                    } else {
                        Vec::new()
                    },
                    tegra,
                    ..Row::default()
                };
                let machine = machine(&row);
                let choice = choose(&machine, &Wanted::default(), Table::built_in());
                let choice = choice.unwrap_or_else(|error| panic!("{name}: {}", error.message));
                assert_eq!(
                    format!("`{}`", choice.accelerator),
                    builds,
                    "{name}, {driver:?}, {gfx:?}"
                );
                if let Some(newest) = choice.newest {
                    assert_eq!(newest.to_string(), torch, "{name}, {driver:?}, {gfx:?}");
                }
                judged += 1;
            }
        }
    }
    assert!(judged > 30, "{judged}");
}
