//! Checkpoints and models in NOR flash that survive a power cut at any write.
//!
//! A region of flash is two halves of whole pages. Frames are appended to a half, and when it is full the other one, which
//! holds older frames only, is erased and taken: the newest whole frame is never in a half that is being erased. A frame's
//! CRC is written last, so one that was cut off is not whole, and the one before it counts. A half that holds several
//! frames, as a 128 KiB sector does, is erased once in so many saves.
//!
//! ```
//! # use microfit::{Clock, Fit, Topology, activation::Linear, data::{Nothing, Rows, Shuffle}, dense};
//! # use microfit::{loss::MeanSquaredError, optimizer::Sgd, schedule::Constant};
//! use microfit::checkpoint::Lengths;
//! use microfit::storage::{SimulatedFlash, Store};
//!
//! # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
//! # let data = Rows { features: &[[1.0], [2.0]], targets: &[[2.0], [4.0]] };
//! # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: Sgd::keras(0.9)?, schedule: Constant::new(0.1)?,
//! #   clock: Clock::Update, order: Shuffle::new(1), batch: 1, epochs: 3 };
//! # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
//! # let (mut memory, mut erases) = ([0xff; 8192], [0; 2]);
//! # let flash = SimulatedFlash::<1, 4, 4096>::new(&mut memory, &mut erases, 0);
//! let mut store = Store::new(flash, 0, 8192, &Lengths::of::<Sgd>(&NET)).unwrap();
//! let identity = fit.identity();
//! let mut trainer = fit.start(&mut params, &mut workspace)?;
//! match store.load(&mut trainer.target(&identity)) {
//!     Ok(_) => {}                               // goes on from there
//!     Err(error) if error.is_of_another() => {} // begins
//!     Err(error) => panic!("{error}"),          // the flash failed
//! }
//! while trainer.step(&data, &Nothing)? != microfit::Event::Done {
//!     store.save(&trainer.snapshot(&identity)).unwrap(); // as often as the flash bears; see `Wear`
//! }
//! # Ok::<(), microfit::Error>(())
//! ```
//!
//! # What is promised
//!
//! - After [`Store::save`] has returned, that checkpoint or a newer one is found, whenever power fails; without, the one before. What
//!   a load finds is kept until the next save of that run has returned, though another run's checkpoints may be newer. A frame is read back
//!   before it is acknowledged. Where a page is bad the next place is taken, and after those behind the newest frame the other half's; if
//!   all are bad, the one before is left.
//! - A save reads two frames for each place it tries, as a rule one: the place for the new one, to see that it is blank, and the new
//!   one; and the newest one's header. A load, the first save after a start and one that erases look for the newest: they read all
//!   headers and of each half the newest frame, and those that were torn, each once.
//! - What was whole may rot. Before a half is erased the frame that is kept is read to its end.
//! - A word that was torn may read as anything, as erased, or not at all. Where reading fails twice there is no frame: a bus that is busy
//!   once hides none. The medium has failed only if no header can be read and neither half's last word: then nothing is erased. If it is
//!   those words that were torn, what helps is [`Store::flash`] and an erase of the region.
//! - A frame's number is as much higher than the newest's as its place is behind it, so that one that was torn between them is not the
//!   newer, should it read right one day.
//!
//! Not: that a word in whose last write power failed goes on to read the same. If a frame's very last word was torn and yet reads
//! right, it counts; NOR flash has been seen to change its mind later. Then the one before counts, if there is one: give the region
//! room for two frames a half. A chip that answers a torn word with an exception instead of an error (an STM32L4 or G4: NMI on
//! a double ECC error, RM0351 and RM0440) needs a handler that returns. Of flash that forbids a second write to a word nothing is asked: no word is
//! written twice between erases.
//!
//! # Which flash
//!
//! A driver's words, those it reads and those it writes, have 1, 2, 4, 8, 16 or 32 bytes, which is looked at when it is compiled. One that
//! writes pages of 256 or 512 bytes only, as some of the i.MX RT's do, needs a buffer of its own before it.
//!
//! # Wear
//!
//! Both halves are erased in turn, so a page is erased once in [`Wear::saves_per_erase`] saves, twice the frames in a half. The frame's
//! header counts the pages erased, as [`Header::erases`](crate::checkpoint::Header) has it. At 10,000 erases, with one frame a half and a
//! save every ten minutes, flash lasts 10,000 * 2 * 10 minutes = 139 days; with 16 frames a half, 6 years.

mod promotion;
mod simulator;
mod wear;

#[path = "."]
mod blocking {
    use crate::checkpoint as frames;
    use embedded_storage::nor_flash;
    use maybe_async::must_be_sync as bisync;

    mod flash;
    pub(super) mod models;
    mod region;
    pub(super) mod store;
}

/// The same over [`embedded_storage_async`]: what is said of a power cut holds for a future that is dropped. What a load was to fill may
/// be half written then, as after [`CheckpointError::Incomplete`](crate::checkpoint::CheckpointError::Incomplete).
/// Polling a future that is done panics, as every `async fn`'s does: the promise of no path to a panic is the blocking stores'.
#[cfg(feature = "storage-async")]
pub mod asynchronous {
    pub use super::waiting::models::ModelStore;
    pub use super::waiting::store::Store;
}

#[cfg(feature = "storage-async")]
#[path = "."]
mod waiting {
    use crate::checkpoint::asynchronous as frames;
    use embedded_storage_async::nor_flash;
    use maybe_async::must_be_async as bisync;

    mod flash;
    pub(super) mod models;
    mod region;
    pub(super) mod store;
}

pub use blocking::models::ModelStore;
pub use blocking::store::Store;
pub use promotion::{Outcome, Promotion, PromotionError};
pub use simulator::{SimulatedFault, SimulatedFlash, Torn};
pub use wear::Wear;
