//! Models, of which one is deployed.

use super::super::promotion::{Outcome, Promotion, PromotionError};
use super::super::wear::Wear;
use super::bisync;
use super::frames::{check_whole, copy_model};
use super::nor_flash::{ErrorType, NorFlash};
use super::region::{Place, Region};
use crate::checkpoint::{CheckpointError, Header, Kind, Lengths, Model, ModelTarget, Parts};
use crate::error::Error;

/// Models in a region of flash. The newest is the deployed one, the one before it is the one to fall back to. As with checkpoints, power
/// may fail at any moment, and a whole model is there: while a new one is written the deployed one, while one falls back the one
/// fallen back to.
#[derive(Debug)]
pub struct ModelStore<F> {
    region: Region<F>,
}

type Stored<T, F> = Result<T, CheckpointError<<F as ErrorType>::Error>>;

impl<F: NorFlash> ModelStore<F> {
    /// Over `len` bytes of `flash` from `start` on, for models of these lengths. Flash is neither read nor written.
    ///
    /// # Errors
    /// As [`Store::new`](super::store::Store::new).
    pub fn new(flash: F, start: u32, len: u32, lengths: &Lengths) -> Stored<Self, F> {
        Ok(Self { region: Region::new(flash, start, len, lengths.model_len())? })
    }

    /// What saving does to the flash.
    pub const fn wear(&self) -> Wear {
        self.region.wear()
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.region.release()
    }

    /// The flash, for what else it holds. What is done to it may be anything: the next call looks at all headers again.
    pub const fn flash(&mut self) -> &mut F {
        self.region.flash()
    }

    /// The flash, to look at.
    pub const fn flash_ref(&self) -> &F {
        self.region.flash_ref()
    }

    /// Deploys a model, whatever it is worth; see [`Self::promote`]. The deployed one becomes the one to fall back to.
    ///
    /// # Errors
    /// As [`Store::save`](super::store::Store::save).
    #[bisync]
    #[inline(always)]
    pub async fn save(&mut self, model: &Model<'_>) -> Stored<Header, F> {
        self.region.append(Parts::Model(model), None).await
    }

    /// Loads the deployed model: the newest whole one of this topology.
    ///
    /// # Errors
    /// As [`Store::load`](super::store::Store::load).
    #[bisync]
    #[inline(always)]
    pub async fn load(&mut self, target: &mut ModelTarget<'_>) -> Stored<Header, F> {
        target.check()?;
        let fingerprint = target.topology.fingerprint();
        let newest = self.region.newest_of(fingerprint).await.map_err(CheckpointError::Medium)?;
        let newest = newest.ok_or(CheckpointError::Missing)?;
        self.region.compare(newest, Kind::Model, &target.topology).await?;
        self.load_from(newest, fingerprint, target).await
    }

    /// Loads the model before the deployed one, and deploys that again. Power may fail at any moment: then either of the two is
    /// deployed. Another call goes back to the one left, as long as that is whole. A frame that holds the same as the deployed one is
    /// no model before it: of two models of which one has taken the other's place, there is none to go back to.
    ///
    /// It is loaded first. If deploying it fails then ([`CheckpointError::Medium`] or [`CheckpointError::ReadBack`]), the target holds the
    /// model before though the other one may still be deployed: [`Self::load`] makes the two agree. Where a future of this is dropped it
    /// may be half written, as after [`CheckpointError::Incomplete`].
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] if there is no other model of this topology; as [`Self::load`] and [`Self::save`].
    #[bisync]
    #[inline(always)]
    pub async fn fall_back(&mut self, target: &mut ModelTarget<'_>) -> Stored<Header, F> {
        let fingerprint = target.topology.fingerprint();
        let before = self.before(fingerprint, target).await?;
        self.load_from(before, fingerprint, target).await?;
        let half = self.region.half(before);
        self.region.append(Parts::Loaded(target), Some(half)).await
    }

    #[bisync]
    #[inline(always)]
    async fn before(&mut self, fingerprint: u64, target: &ModelTarget<'_>) -> Stored<Place, F> {
        target.check()?;
        let own = Some(&fingerprint);
        let deployed = self.region.newest_before(Place::END, own).await.map_err(CheckpointError::Medium)?;
        let deployed = deployed.ok_or(CheckpointError::Missing)?;
        let mut before = deployed;
        // What was gone back to is there twice.
        loop {
            let older = self.region.newest_before(before, own).await.map_err(CheckpointError::Medium)?;
            before = older.ok_or(CheckpointError::Missing)?;
            if !self.region.is_same(deployed, before).await.map_err(CheckpointError::Medium)? {
                break;
            }
        }
        self.region.compare(before, Kind::Model, &target.topology).await?;
        Ok(before)
    }

    /// Deploys `candidate` if it is better than the deployed model, which is loaded into `deployed` to be compared. `score` is asked for
    /// both, on samples that neither was trained on, and the rule says what is better; as a rule
    /// [`Model::evaluate`]`(..)?.loss()`. If there is no model of this topology any finite score will do; nor is one a rival that has
    /// parts of other lengths than `deployed`, or that cannot be scored, as with a scaling's factor of 0.
    ///
    /// ```
    /// # use microfit::{Goal, Topology, activation::Linear, checked, data::Rows, dense, loss::MeanSquaredError};
    /// use microfit::checkpoint::{Model, ModelTarget};
    /// use microfit::storage::{ModelStore, Outcome, Promotion, SimulatedFlash};
    ///
    /// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    /// # let held_out = Rows { features: &[[1.0], [2.0]], targets: &[[2.0], [4.0]] };
    /// # let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    /// # let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    /// const BETTER: Promotion = checked!(Promotion::new(Goal::Minimize, 0.01));
    ///
    /// let (mut params, mut tape) = ([0.0; NET.param_len()], [0.0; NET.tape_len(1) + NET.outputs()]);
    /// let mut store = ModelStore::new(flash, 0, 2048, &Model::new(NET, &params).lengths()).unwrap();
    /// let mut deployed =
    ///     ModelTarget { topology: NET, params: &mut params, shift: &mut [], factor: &mut [], user: &mut [] };
    /// for (trained, good) in [([1.5, 0.0], true), ([1.0, 0.0], false), ([2.0, 0.0], true)] {
    ///     let outcome = store.promote(&Model::new(NET, &trained), &mut deployed, &BETTER, |model| {
    ///         Ok(model.evaluate(&MeanSquaredError, &held_out, &mut tape)?.loss())
    ///     });
    ///     assert_eq!(matches!(outcome, Ok(Outcome::Promoted { .. })), good);
    /// }
    /// store.fall_back(&mut deployed).unwrap();
    /// assert_eq!(params, [1.5, 0.0]);
    /// ```
    ///
    /// # Errors
    /// [`PromotionError::Score`] for what `score` returns for the candidate, and for [`Error::SampleRead`], which is not held against
    /// the deployed model; [`PromotionError::Store`] as [`Self::load`] and [`Self::save`]. The deployed model is the old one then, unless
    /// a read back of the new one alone has failed.
    #[bisync]
    pub async fn promote(
        &mut self,
        candidate: &Model<'_>,
        deployed: &mut ModelTarget<'_>,
        rule: &Promotion,
        mut score: impl FnMut(&Model<'_>) -> Result<f32, Error>,
    ) -> Result<Outcome, PromotionError<F::Error>> {
        // Its own lengths are the caller's mistake, the deployed model's are none.
        deployed.check().map_err(PromotionError::Store)?;
        let before = match self.load(deployed).await {
            Ok(_) => match score(&deployed.model()) {
                Err(error @ Error::SampleRead { .. }) => return Err(PromotionError::Score(error)),
                score => score.ok(),
            },
            Err(error) if error.is_of_another() => None,
            Err(error) => return Err(PromotionError::Store(error)),
        };
        let found = score(candidate).map_err(PromotionError::Score)?;
        if !rule.is_better(found, before) {
            return Ok(Outcome::Kept { deployed: before, candidate: found });
        }
        let header = self.save(candidate).await.map_err(PromotionError::Store)?;
        Ok(Outcome::Promoted { before, candidate: found, header })
    }

    /// What the newest whole frame says; see [`Store::header`](super::store::Store::header).
    ///
    /// # Errors
    /// [`CheckpointError::Medium`].
    #[bisync]
    pub async fn header(&mut self) -> Stored<Option<Header>, F> {
        match self.region.newest().await.map_err(CheckpointError::Medium)? {
            Some(place) => self.region.header(place).await.map_err(CheckpointError::Medium),
            None => Ok(None),
        }
    }

    #[bisync]
    #[inline(always)]
    async fn load_from(&mut self, place: Place, fingerprint: u64, target: &mut ModelTarget<'_>) -> Stored<Header, F> {
        let mut source = self.region.source(place);
        let header = check_whole(&mut source, fingerprint, &target.lengths()).await?;
        copy_model(&mut source, target).await.map_err(CheckpointError::Incomplete)?;
        Ok(header)
    }
}
