//! Models are promoted and taken back, and power fails at every word written and page erased: there is always a whole model, the one
//! before or the one after, and the device ends with the one it would have had.

use embedded_storage::nor_flash::NorFlash;
use microfit::activation::{Linear, Tanh};
use microfit::checkpoint::{CheckpointError, Model, ModelTarget};
use microfit::data::Rows;
use microfit::loss::MeanSquaredError;
use microfit::storage::{
    ModelStore, Outcome, Promotion, PromotionError, SimulatedFault, SimulatedFlash, Torn, asynchronous,
};
use microfit::{Error, Goal, Topology, checked, dense};
use pollster::block_on;

const NET: Topology = Topology::new(2, &[dense(2, &Tanh), dense(1, &Linear)]);
const LEN: usize = NET.param_len();
/// What the last layer's weights of 1 and the scaling make right.
const HELD_OUT: Rows<2, 1> = Rows { features: &[[1.0, 3.0], [2.0, 1.0]], targets: &[[2.0], [2.0]] };
const BETTER: Promotion = checked!(Promotion::new(Goal::Minimize, 0.1));

/// A model that predicts `bias`, and the version it calls itself.
fn candidate(bias: f32, version: u8) -> ([f32; LEN], [f32; 2], [f32; 2], [u8; 1]) {
    let mut params = [0.0; LEN];
    params[LEN - 1] = bias;
    (params, [f32::from(version), 1.0], [2.0, 1.0], [version])
}

/// What is done, in order: a candidate, or a way back if this version is deployed.
enum Step {
    Promote(f32, u8),
    FallBackFrom(u8),
}

const STEPS: [Step; 9] = [
    Step::Promote(1.0, 1),
    Step::Promote(0.5, 2),
    Step::Promote(1.5, 3),
    Step::Promote(f32::NAN, 4),
    Step::FallBackFrom(3),
    Step::Promote(1.25, 5),
    Step::Promote(1.75, 6),
    Step::FallBackFrom(6),
    Step::Promote(1.75, 7),
];
/// The versions that are deployed after each.
const DEPLOYED: [u8; 9] = [1, 1, 3, 3, 1, 5, 6, 5, 7];

/// One of the two stores.
trait AnyStore<F: NorFlash>: Sized {
    fn open(flash: F) -> Result<Self, CheckpointError<F::Error>>;
    fn load(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>>;
    fn fall_back(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>>;
    fn promote(
        &mut self,
        model: &Model,
        target: &mut ModelTarget,
        score: impl FnMut(&Model<'_>) -> Result<f32, Error>,
    ) -> Result<Outcome, PromotionError<F::Error>>;
}

fn lengths() -> microfit::checkpoint::Lengths {
    let (params, shift, factor, user) = candidate(0.0, 0);
    Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &params) }.lengths()
}

impl<F: NorFlash> AnyStore<F> for ModelStore<F> {
    fn open(flash: F) -> Result<Self, CheckpointError<F::Error>> {
        let len = flash.capacity() as u32;
        Self::new(flash, 0, len, &lengths())
    }

    fn load(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>> {
        self.load(target).map(|_| ())
    }

    fn fall_back(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>> {
        self.fall_back(target).map(|_| ())
    }

    fn promote(
        &mut self,
        model: &Model,
        target: &mut ModelTarget,
        score: impl FnMut(&Model<'_>) -> Result<f32, Error>,
    ) -> Result<Outcome, PromotionError<F::Error>> {
        self.promote(model, target, &BETTER, score)
    }
}

impl<F: NorFlash + embedded_storage_async::nor_flash::NorFlash> AnyStore<F> for asynchronous::ModelStore<F> {
    fn open(flash: F) -> Result<Self, CheckpointError<F::Error>> {
        let len = embedded_storage::nor_flash::ReadNorFlash::capacity(&flash) as u32;
        Self::new(flash, 0, len, &lengths())
    }

    fn load(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>> {
        block_on(self.load(target)).map(|_| ())
    }

    fn fall_back(&mut self, target: &mut ModelTarget) -> Result<(), CheckpointError<F::Error>> {
        block_on(self.fall_back(target)).map(|_| ())
    }

    fn promote(
        &mut self,
        model: &Model,
        target: &mut ModelTarget,
        score: impl FnMut(&Model<'_>) -> Result<f32, Error>,
    ) -> Result<Outcome, PromotionError<F::Error>> {
        block_on(self.promote(model, target, &BETTER, score))
    }
}

fn score(model: &Model<'_>) -> Result<f32, Error> {
    Ok(model.evaluate(&MeanSquaredError, &HELD_OUT, &mut [0.0; NET.tape_len(1) + 1])?.loss())
}

/// Boots and takes the steps from the one at hand on; `next` is the first that is not known to be done. Ends with the version deployed.
fn boot<F: NorFlash, S: AnyStore<F>>(flash: F, next: &mut usize) -> Result<u8, PromotionError<F::Error>> {
    let mut store = S::open(flash).map_err(PromotionError::Store)?;
    let (mut params, mut shift, mut factor, mut user) = candidate(9.0, 0);
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
    match store.load(&mut target) {
        Ok(()) => {
            let version = target.user[0];
            let (before, after) = (next.checked_sub(1).map(|last| DEPLOYED[last]), DEPLOYED.get(*next).copied());
            assert!(Some(version) == before || Some(version) == after, "{version}, but {before:?} or {after:?}");
            assert_eq!((target.shift[0], target.params[0]), (f32::from(version), 0.0), "one model, not parts of two");
        }
        Err(CheckpointError::Missing) => assert_eq!(*next, 0, "every model was lost"),
        Err(error) => return Err(PromotionError::Store(error)),
    }
    while let Some(step) = STEPS.get(*next) {
        match *step {
            Step::Promote(bias, version) => {
                let (params, shift, factor, user) = candidate(bias, version);
                let model = Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &params) };
                match store.promote(&model, &mut target, score)? {
                    Outcome::Promoted { before, candidate, .. } => {
                        assert_eq!(DEPLOYED[*next], version);
                        assert!(before.is_none_or(|before| before >= candidate + 0.1));
                    }
                    // Its score may be its own: power was cut after it had been written.
                    Outcome::Kept { .. } => assert_eq!(DEPLOYED[*next], target.user[0]),
                }
            }
            Step::FallBackFrom(version) => {
                store.load(&mut target).map_err(PromotionError::Store)?;
                if target.user[0] == version {
                    store.fall_back(&mut target).map_err(PromotionError::Store)?;
                }
            }
        }
        store.load(&mut target).map_err(PromotionError::Store)?;
        assert_eq!(target.user[0], DEPLOYED[*next], "step {next}");
        *next += 1;
    }
    Ok(target.user[0])
}

fn cut_everywhere<const R: usize, const W: usize, const E: usize>(pages: usize, torn: Torn, waiting: bool) {
    let boot = |flash: &mut SimulatedFlash<R, W, E>, next: &mut usize| {
        if waiting {
            boot::<_, asynchronous::ModelStore<_>>(flash, next)
        } else {
            boot::<_, ModelStore<_>>(flash, next)
        }
    };
    let blank = (vec![0xff; pages * E], vec![0; pages]);
    let (mut memory, mut erases) = blank.clone();
    let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, 0);
    assert_eq!(boot(&mut flash, &mut 0), Ok(7));
    let operations = flash.operations();
    let power = Err(PromotionError::Store(CheckpointError::Medium(SimulatedFault::Power)));
    let mut tried = 0;
    for seed in 0..8 {
        for at in 0..operations {
            let (mut memory, mut erases) = blank.clone();
            let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, seed * 7919 + at).torn(torn);
            let mut next = 0;
            flash.cut_after(at);
            assert_eq!(boot(&mut flash, &mut next), power);
            flash.power_on();
            flash.cut_after((at * 31 + seed * 17) % 97);
            tried += 1;
            let mut end = boot(&mut flash, &mut next);
            if end.is_err() {
                assert_eq!(end, power);
                tried += 1;
                flash.power_on();
                end = boot(&mut flash, &mut next);
            }
            assert_eq!(end, Ok(7), "cut at {at}, seed {seed}");
        }
    }
    println!("models, words of {W}, pages of {E}, {pages} pages, torn: {torn:?}: {tried} cuts tried; lost: 0");
}

#[test]
fn two_pages_for_two_models() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        cut_everywhere::<1, 4, 256>(2, torn, false);
    }
    cut_everywhere::<1, 4, 256>(2, Torn::Bits, true);
}

/// Several models a half, so that the one to fall back to is behind the deployed one, or in the other half.
#[test]
fn pages_for_many_models() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        cut_everywhere::<4, 8, 512>(2, torn, false);
        cut_everywhere::<1, 4, 1024>(2, torn, false);
    }
    cut_everywhere::<4, 8, 512>(2, Torn::Unreadable, true);
}

/// A device whose firmware has another network: its models are not there, and the old ones are kept until a new one is whole.
#[test]
fn a_model_of_another_network_is_no_rival_and_not_lost() {
    const OTHER: Topology = Topology::new(2, &[dense(1, &Linear)]);
    let (mut memory, mut erases) = ([0xff; 512], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 256>::new(&mut memory, &mut erases, 0);
    let mut store = ModelStore::new(flash, 0, 512, &lengths()).unwrap();
    let (params, shift, factor, user) = candidate(2.0, 1);
    let old = Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &params) };
    store.save(&old).unwrap();
    let mut buffer = [7.0; 3];
    let mut target =
        ModelTarget { topology: OTHER, params: &mut buffer, shift: &mut [], factor: &mut [], user: &mut [] };
    assert_eq!(store.load(&mut target), Err(CheckpointError::Layers { expected: 1, found: 2 }));
    assert_eq!(store.fall_back(&mut target), Err(CheckpointError::Missing));
    let bad = Model::new(OTHER, &[f32::INFINITY, 0.0, 0.0]);
    let outcome = store.promote(&bad, &mut target, &BETTER, score_of_other);
    assert!(matches!(outcome, Ok(Outcome::Kept { deployed: None, .. })), "{outcome:?}");
    let good = Model::new(OTHER, &[0.0, 0.0, 1.0]);
    let outcome = store.promote(&good, &mut target, &BETTER, score_of_other);
    assert!(matches!(outcome, Ok(Outcome::Promoted { before: None, candidate: 1.0, .. })), "{outcome:?}");
    store.load(&mut target).unwrap();
    assert_eq!(target.params, [0.0, 0.0, 1.0]);
    // The old firmware, put back, still has its model.
    let (mut params, mut shift, mut factor, mut user) = candidate(9.0, 9);
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
    store.load(&mut target).unwrap();
    assert_eq!(target.user, [1]);
    let failed = store.promote(&old, &mut target, &BETTER, |_| Err(Error::DatasetEmpty));
    assert_eq!(failed, Err(PromotionError::Score(Error::DatasetEmpty)));
}

#[test]
fn a_way_back_that_is_cut_leaves_the_target_with_the_model_before() {
    let (mut memory, mut erases) = ([0xff; 1024], [0; 2]);
    let mut flash = SimulatedFlash::<1, 4, 512>::new(&mut memory, &mut erases, 0);
    let mut store = ModelStore::new(&mut flash, 0, 1024, &lengths()).unwrap();
    for version in [1, 2] {
        let (params, shift, factor, user) = candidate(1.0, version);
        store.save(&Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &params) }).unwrap();
    }
    let (mut params, mut shift, mut factor, mut user) = candidate(9.0, 9);
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
    store.flash().cut_after(0);
    let cut = store.fall_back(&mut target);
    assert_eq!((cut, target.user[0]), (Err(CheckpointError::Medium(SimulatedFault::Power)), 1));
    store.flash().power_on();
    store.load(&mut target).unwrap();
    assert_eq!(target.user[0], 2);
}

/// Otherwise no model would ever be deployed again.
#[test]
fn a_deployed_model_that_cannot_be_loaded_or_scored_is_no_rival() {
    let (mut memory, mut erases) = ([0xff; 512], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 256>::new(&mut memory, &mut erases, 0);
    let mut store = ModelStore::new(flash, 0, 512, &lengths()).unwrap();
    let (good, shift, factor, user) = candidate(1.0, 1);
    let good = Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &good) };
    let (mut params, mut to_shift, mut to_factor, mut to_user) = candidate(9.0, 9);
    let mut target = ModelTarget {
        topology: NET,
        params: &mut params,
        shift: &mut to_shift,
        factor: &mut to_factor,
        user: &mut to_user,
    };
    for bad in [
        Model::new(NET, good.params),
        Model { factor: &[0.0, 1.0], ..good },
        Model { shift: &[f32::NAN, 1.0], ..good },
        Model { params: &[f32::NAN; LEN], ..good },
    ] {
        store.save(&bad).unwrap();
        let outcome = store.promote(&good, &mut target, &BETTER, score);
        assert!(matches!(outcome, Ok(Outcome::Promoted { .. })), "{outcome:?}");
        store.load(&mut target).unwrap();
        assert_eq!(target.params, good.params);
    }
    // Samples that cannot be read say nothing of the model.
    let mut unread = Err(Error::SampleRead { index: 0 });
    let outcome = store.promote(&good, &mut target, &BETTER, |model| std::mem::replace(&mut unread, score(model)));
    assert_eq!(outcome, Err(PromotionError::Score(Error::SampleRead { index: 0 })));
    // A target of lengths that no model of this network has is the caller's mistake.
    target.factor = &mut [];
    let outcome = store.promote(&good, &mut target, &BETTER, score);
    assert!(matches!(outcome, Err(PromotionError::Store(CheckpointError::SectionLength { .. }))), "{outcome:?}");
}

fn score_of_other(model: &Model<'_>) -> Result<f32, Error> {
    Ok(model.evaluate(&MeanSquaredError, &HELD_OUT, &mut [0.0; 4])?.loss())
}

/// One of two models has been gone back to: it is there twice, or the only one.
#[test]
fn there_is_no_way_back_to_what_is_deployed() {
    for page in [256, 1024] {
        let (mut memory, mut erases) = (vec![0xff; 2 * page], vec![0; 2 * page / 256]);
        let flash = SimulatedFlash::<1, 4, 256>::new(&mut memory, &mut erases, 0);
        let mut store = ModelStore::new(flash, 0, 2 * page as u32, &lengths()).unwrap();
        let (mut params, mut shift, mut factor, mut user) = candidate(9.0, 9);
        let mut target =
            ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
        for version in [1, 2, 2] {
            let (params, shift, factor, user) = candidate(1.0, version);
            store.save(&Model { shift: &shift, factor: &factor, user: &user, ..Model::new(NET, &params) }).unwrap();
        }
        let room = page == 1024;
        for expected in [1, 2, 1] {
            let before = store.flash_ref().operations();
            let back = store.fall_back(&mut target).map(|_| target.user[0]);
            if room {
                assert_eq!(back, Ok(expected));
            } else {
                assert_eq!((back, store.flash_ref().operations()), (Err(CheckpointError::Missing), before));
            }
        }
    }
}
