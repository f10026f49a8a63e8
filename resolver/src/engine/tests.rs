//! Worlds that are hard to solve: the effort is bounded and counted, so that a test of them cannot hang.

use super::Engine;
use crate::coherent::coherent;
use crate::explain::{Reasons, proves, unsatisfiable};
use crate::search::{Failure, Search};
use crate::world::World;
use crate::{GeneratedWorld, HardShape, Options, ResolutionMode, Target};

const CONTRADICTIONS: [HardShape; 4] = [
    HardShape::TwoPins,
    HardShape::PinBesideHole,
    HardShape::Chain,
    HardShape::Lockstep,
];

fn target() -> Target {
    Target::linux_x86_64((3, 12))
}

/// The effort of a search for the coherent answer, which must end with a reason.
fn work(shape: HardShape, size: usize) -> u64 {
    let (made, target) = (GeneratedWorld::hard(shape, size), target());
    let world = World::new(&made.request, &target, &made.source, &Options::default());
    let mut search = Search::new(&world, ResolutionMode::Coherent);
    let outcome = coherent(&mut search);
    assert!(
        matches!(outcome, Err(Failure::NoSolution(_))),
        "{} of {size} releases has no reason",
        shape.as_str()
    );
    search.work()
}

/// With the cube of the number of releases three thousand of them hang. Sets are looked at 64 releases at a time, which is
/// why it is a little more than the square.
#[test]
fn effort_grows_less_than_the_cube() {
    for shape in [
        HardShape::TwoPins,
        HardShape::PinBesideHole,
        HardShape::Lockstep,
        HardShape::Chain,
    ] {
        let (few, many) = (work(shape, 40), work(shape, 160));
        assert!(
            many < 48 * few,
            "{}: {few} for 40 releases, {many} for 160",
            shape.as_str()
        );
    }
}

#[test]
fn cores_are_proofs() {
    for (shape, size) in CONTRADICTIONS
        .into_iter()
        .zip([9; 4])
        .chain([(HardShape::Pigeonholes, 4)])
    {
        let (made, target) = (GeneratedWorld::hard(shape, size), target());
        let world = World::new(&made.request, &target, &made.source, &Options::default());
        let mut search = Search::new(&world, ResolutionMode::Coherent);
        let Err(Failure::NoSolution(reasons @ Reasons::Core(_))) = search.prove() else {
            panic!("{} has an answer", shape.as_str());
        };
        let facts = unsatisfiable(&reasons, &world, &target).facts;
        assert!(proves(&facts), "{}: {facts:#?}", shape.as_str());
    }
}

#[test]
fn what_is_too_hard_is_given_up() {
    let (made, target) = (GeneratedWorld::hard(HardShape::Pigeonholes, 11), target());
    let world = World::new(&made.request, &target, &made.source, &Options::default());
    let mut engine = Engine::new(&world);
    let outcome = engine.prove(1_000_000);
    assert!(matches!(outcome, Ok(super::Proved::TooLong)));
    assert_eq!(engine.troublemakers().len(), 3);
}

/// The answer that a greedy mode asks for may lie at the end of a walk over all releases.
#[test]
fn greedy_modes_walk_far() {
    let (made, target) = (GeneratedWorld::hard(HardShape::LongWalk, 300), target());
    for mode in [ResolutionMode::Newest, ResolutionMode::Coherent] {
        let options = Options {
            mode,
            ..Options::default()
        };
        let answer = crate::resolve(&made.request, &target, &made.source, &options);
        assert!(answer.is_ok(), "{mode:?}: {answer:?}");
    }
}
