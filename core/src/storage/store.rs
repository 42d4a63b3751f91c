//! Checkpoints of a run.

use super::super::wear::Wear;
use super::bisync;
use super::frames::{check_whole, copy_run};
use super::nor_flash::NorFlash;
use super::region::Region;
use crate::checkpoint::{CheckpointError, Header, Kind, Lengths, Parts, Snapshot, Target};

/// Checkpoints in a region of flash, of which the newest counts; see the [module](crate::storage).
///
/// With the run's [`Identity`](crate::checkpoint::Identity) and the stack of a call, what its caller has there for it included, this is
/// at most 512 bytes on a Cortex-M4F, without the flash driver's own. [`Self::save`] and [`Self::load`] are inlined for it: in a function of
/// the caller's own, their buffers are not under what else the program does.
#[derive(Debug)]
pub struct Store<F> {
    region: Region<F>,
}

impl<F: NorFlash> Store<F> {
    /// Over `len` bytes of `flash` from `start` on, for checkpoints of these lengths. Flash is neither read nor written.
    ///
    /// # Errors
    /// [`CheckpointError::RegionStart`] unless `start` is a page's, [`CheckpointError::RegionEnd`] unless the region is within the
    /// flash, [`CheckpointError::RegionTooSmall`] unless half its pages hold a frame.
    pub fn new(flash: F, start: u32, len: u32, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>> {
        Ok(Self { region: Region::new(flash, start, len, lengths.frame_len())? })
    }

    /// What saving does to the flash.
    pub const fn wear(&self) -> Wear {
        self.region.wear()
    }

    /// Saves between two erases of the same page, where no power was cut.
    pub const fn saves_per_erase(&self) -> u32 {
        self.wear().saves_per_erase()
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

    /// Saves a checkpoint, and reads it back. Power may fail at any moment: the next [`Self::load`] finds this one or the one before.
    /// Until this one is whole what is kept is this run's newest whole frame, or without one the newest of another run. A store of another
    /// region or of other lengths looks for frames at other places, though: what it does not find there it may erase.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`]; [`CheckpointError::ReadBack`] from pages that are worn out, or not erased: the checkpoint before still
    /// counts.
    /// [`CheckpointError::FrameLength`] for a snapshot longer than the lengths given to [`Self::new`], filled up to whole words,
    /// [`CheckpointError::SectionLength`] for one whose parts do not fit its topology, and [`CheckpointError::Sequence`]: flash is
    /// untouched then.
    #[bisync]
    #[inline(always)]
    pub async fn save(&mut self, snapshot: &Snapshot<'_>) -> Result<Header, CheckpointError<F::Error>> {
        self.region.append(Parts::Run(snapshot), None).await
    }

    /// Loads the newest whole checkpoint of this run.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] if there is none; if there are only those of others, what [`checkpoint::load`](crate::checkpoint::load)
    /// has to say of the newest. The target is untouched then, except after [`CheckpointError::Incomplete`], or where a future of this
    /// is dropped: load again, or begin anew.
    #[bisync]
    #[inline(always)]
    pub async fn load(&mut self, target: &mut Target<'_>) -> Result<Header, CheckpointError<F::Error>> {
        target.check()?;
        let newest = self.region.newest_of(target.identity.fingerprint()).await.map_err(CheckpointError::Medium)?;
        let newest = newest.ok_or(CheckpointError::Missing)?;
        self.region.compare(newest, Kind::Run, &target.identity.topology).await?;
        let mut source = self.region.source(newest);
        let header = check_whole(&mut source, target.identity.fingerprint(), &target.lengths()).await?;
        copy_run(&mut source, target).await?;
        Ok(header)
    }

    /// What the newest whole frame says, whichever run's it is. Of another version's only kind, version, length and number are what they
    /// are called; what stands where this one has fingerprint and erases is that version's own.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`].
    #[bisync]
    pub async fn header(&mut self) -> Result<Option<Header>, CheckpointError<F::Error>> {
        match self.region.newest().await.map_err(CheckpointError::Medium)? {
            Some(place) => self.region.header(place).await.map_err(CheckpointError::Medium),
            None => Ok(None),
        }
    }
}
