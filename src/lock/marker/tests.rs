use std::collections::BTreeSet;

use proptest::prelude::*;

use super::separate::{Mask, Need, marker_for, separating};
use super::*;
use pinsmith_resolver::Platform;

fn grid(pythons: &[(u8, u8)], platforms: &[Platform]) -> Vec<Target> {
    let pairs = platforms.iter().flat_map(|platform| {
        pythons.iter().map(|python| Target {
            platform: *platform,
            ..Target::linux_x86_64(*python)
        })
    });
    pairs.collect()
}

const PYTHONS: [(u8, u8); 4] = [(3, 9), (3, 10), (3, 11), (3, 12)];

#[test]
fn an_environment_marker_holds_only_on_its_target() {
    let targets = grid(&PYTHONS[1..3], &Platform::ALL);
    for one in &targets {
        for other in &targets {
            let marker = environment_marker(one);
            let holds = marker.holds(&other.marker_environment(), &Selection::default());
            assert_eq!(holds, one == other, "{one} against {other}");
        }
    }
}

/// Which targets are meant.
type Choice = fn(&Target) -> bool;

/// What makes a package wanted, by the position of the target, and the marker for it.
type Row<'a> = (&'a [(usize, &'a Need)], Option<&'a str>);

/// Which targets of the grid of four Pythons and five platforms, and the marker for them.
#[test]
fn the_simplest_marker_is_found() {
    let all = grid(&PYTHONS, &Platform::ALL);
    #[rustfmt::skip]
    let rows: [(Choice, Option<&str>); 10] = [
        (|_| true, None),
        (|t| t.platform == Platform::WindowsX86_64, Some("sys_platform == 'win32'")),
        (|t| t.platform != Platform::WindowsX86_64, Some("sys_platform != 'win32'")),
        (|t| t.python.minor < 11, Some("python_version < '3.11'")),
        (|t| t.python.minor >= 12, Some("python_version >= '3.12'")),
        (|t| t.python.minor == 10, Some("python_version == '3.10'")),
        (|t| (10..12).contains(&t.python.minor), Some("python_version >= '3.10' and python_version < '3.12'")),
        (|t| t.platform == Platform::MacosArm64, Some("platform_machine == 'arm64'")),
        (|t| t.platform == Platform::LinuxX86_64 && t.python.minor < 12,
         Some("sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.12'")),
        (|t| t.platform == Platform::WindowsX86_64 || t.python.minor < 10,
         Some("python_version < '3.10' or sys_platform == 'win32'")),
    ];
    for (choice, expected) in rows {
        let chosen = all.iter().enumerate().filter(|(_, target)| choice(target));
        let mask = chosen.fold(0, |mask: Mask, (index, _)| mask | 1 << index);
        let marker = separating(mask, &all);
        assert_eq!(marker.as_ref().map(LockMarker::as_str), expected);
    }
}

#[test]
fn groups_are_asked_for_only_where_they_matter() {
    let all = grid(
        &[(3, 11)],
        &[Platform::LinuxX86_64, Platform::WindowsX86_64],
    );
    let chosen = |extras: &[&str], groups: &[&str]| Need::Chosen {
        extras: extras.iter().map(|name| (*name).to_owned()).collect(),
        groups: groups.iter().map(|name| (*name).to_owned()).collect(),
    };
    let (always, dev) = (Need::Always, chosen(&[], &["dev"]));
    let both = chosen(&["plot"], &["dev"]);
    #[rustfmt::skip]
    let rows: [Row<'_>; 6] = [
        (&[(0, &always), (1, &always)], None),
        (&[(0, &always)], Some("sys_platform == 'linux'")),
        (&[(0, &dev), (1, &dev)], Some("'dev' in dependency_groups")),
        (&[(0, &both), (1, &both)], Some("'plot' in extras or 'dev' in dependency_groups")),
        (&[(0, &dev), (1, &always)], Some("sys_platform == 'win32' or 'dev' in dependency_groups")),
        (&[(1, &both)], Some("sys_platform == 'win32' and ('plot' in extras or 'dev' in dependency_groups)")),
    ];
    for (needs, expected) in rows {
        let marker = marker_for(needs, &all);
        assert_eq!(marker.as_ref().map(LockMarker::as_str), expected);
    }
}

#[test]
fn parts_of_both_kinds_are_evaluated() {
    let environment = Target::linux_x86_64((3, 11)).marker_environment();
    let selection = Selection::of(&["plot"], &["dev"]);
    for (text, expected) in [
        ("'plot' in extras", true),
        ("\"Plot\" in extras", true),
        ("'dev' in extras", false),
        ("'dev' not in dependency_groups", false),
        (
            "'dev' in dependency_groups and sys_platform == 'win32'",
            false,
        ),
        (
            "'no' in extras or ('dev' in dependency_groups and python_version >= '3.9')",
            true,
        ),
        (
            "python_version not in '3.9 3.10' and 'plot' in extras",
            true,
        ),
        (
            "sys_platform == 'linux' or 'no' in extras and 'no' in extras",
            true,
        ),
        (
            "(sys_platform == 'linux' or 'no' in extras) and 'no' in extras",
            false,
        ),
    ] {
        let marker = LockMarker::new(text).unwrap();
        assert_eq!(marker.holds(&environment, &selection), expected, "{text}");
    }
}

#[test]
fn what_is_no_marker_is_refused() {
    for text in [
        "",
        "  ",
        "evil",
        "'x' in extras ; y",
        "'x' in extras # y",
        "'x'\u{2028} in extras",
        "'x' in extras and",
        "('x' in extras",
        "'x' == extras",
        "extras in 'x'",
        "'x' in extras 'y'",
        "'' in extras",
        "'x in extras",
    ] {
        assert!(LockMarker::new(text).is_err(), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any sets of targets, always or by choice: on every target, with every choice, exactly the
    /// right packages are selected, judged by the text of the marker alone.
    #[test]
    fn a_marker_selects_exactly_its_targets(
        needs in proptest::collection::vec(0..5_u8, 20),
        pythons in 1..=4_usize,
        platforms in 1..=5_usize,
    ) {
        let all = grid(&PYTHONS[..pythons], &Platform::ALL[..platforms]);
        let chosen = |extras: &[&str], groups: &[&str]| Need::Chosen {
            extras: extras.iter().map(|name| (*name).to_owned()).collect(),
            groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        };
        let kinds = [Need::Always, chosen(&["plot"], &[]), chosen(&["plot"], &["dev"])];
        let wanted: Vec<Option<&Need>> = needs.iter().map(|need| kinds.get(usize::from(*need))).collect();
        let listed: Vec<(usize, &Need)> = (0..all.len()).filter_map(|at| Some((at, wanted[at]?))).collect();
        let marker = marker_for(&listed, &all);
        prop_assume!(!listed.is_empty());
        let marker = marker.map(|marker| LockMarker::new(marker.as_str()).unwrap());
        for (at, target) in all.iter().enumerate() {
            for (extras, groups) in [(&[][..], &[][..]), (&["plot"], &[]), (&[], &["dev"]), (&["plot"], &["dev"])] {
                let expected = match wanted[at] {
                    None => false,
                    Some(Need::Always) => true,
                    Some(Need::Chosen { extras: e, groups: g }) => {
                        let any = |have: &[&str], want: &BTreeSet<String>| have.iter().any(|name| want.contains(*name));
                        any(extras, e) || any(groups, g)
                    }
                };
                let environment = target.marker_environment();
                let selection = Selection::of(extras, groups);
                let found = marker.as_ref().is_none_or(|marker| marker.holds(&environment, &selection));
                prop_assert_eq!(found, expected, "{} on {}", marker.as_ref().map_or("", |m| m.as_str()), target);
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z'\"() <>=._]{0,40}|('a' (not )?in (extras|dependency_groups)( (and|or) )?\\(?\\)?){0,4}|\\PC{0,20}") {
        let _ = LockMarker::new(&text);
    }
}
