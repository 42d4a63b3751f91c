//! A run with many checkpoints loses nothing, whenever power fails: cut at every word written and every page erased, and once more
//! in the recovery, every board comes back and ends with the weights of the run that was not cut.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::ops::Range;
use std::task::{Context, Waker};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use embedded_storage_async::nor_flash as waiting;
use microfit::Fit;
use microfit::checkpoint::{CheckpointError, Lengths, Model, ModelTarget, Section, Snapshot, Target};
use microfit::storage::{ModelStore, SimulatedFault, SimulatedFlash, Store, Torn, Wear, asynchronous};
use microfit_tests::board::{Blocking, Board, LENGTHS, NET, Waiting, Way, fit, identity};
use pollster::block_on;

/// What is tried.
struct Cuts {
    torn: Torn,
    /// Every so many-th word or page.
    stride: usize,
    /// What a flash is delivered with.
    fresh: u8,
    /// The board's own bytes.
    user: usize,
    seed: u32,
}

const EVERYWHERE: Cuts = Cuts { torn: Torn::Bits, stride: 1, fresh: 0xff, user: 5, seed: 1 };

impl Cuts {
    /// Power fails, and then once more during recovery.
    fn everywhere<S: Way, const R: usize, const W: usize, const E: usize>(&self) {
        let &Self { torn, stride, fresh, user, seed } = self;
        let frame = Lengths { user, ..LENGTHS }.frame_len().next_multiple_of(W);
        let size = 2 * frame.next_multiple_of(E);
        let wear = Wear::new(frame, size as u32, E as u32, W as u32).unwrap();
        let blank = (vec![fresh; size], vec![0; size / E]);
        let (mut memory, mut erases) = blank.clone();
        let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, 0);
        let expected = S::boot(&mut flash, user, &mut None).unwrap();
        let operations = flash.operations();
        let (least, most) = (flash.erases().iter().min().unwrap(), flash.erases().iter().max().unwrap());
        assert!(most - least <= 1, "both halves wear alike");
        let saves = fit().epochs * 3;
        assert_eq!(*most, saves.div_ceil(wear.saves_per_erase()), "as often as was said");
        let (mut first, mut second) = (0, 0);
        for at in (0..operations).step_by(stride) {
            let (mut memory, mut erases) = blank.clone();
            let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, seed * 7919 + at).torn(torn);
            let mut acknowledged = None;
            flash.cut_after(at);
            let cut = S::boot(&mut flash, user, &mut acknowledged);
            assert_eq!(cut, Err(CheckpointError::Medium(SimulatedFault::Power)));
            flash.power_on();
            // Not every recovery is long enough for the second cut.
            flash.cut_after((at * 31 + seed * 17) % (operations / 9));
            first += 1;
            let mut end = S::boot(&mut flash, user, &mut acknowledged);
            if end.is_err() {
                assert_eq!(end, Err(CheckpointError::Medium(SimulatedFault::Power)));
                second += 1;
                flash.power_on();
                end = S::boot(&mut flash, user, &mut acknowledged);
            }
            assert_eq!(end, Ok(expected), "cut at {at}, seed {seed}");
        }
        println!(
            "{}, words of {W}, pages of {E}, {} frames a half, torn: {torn:?}: {operations} operations, \
             {} erases a save; {} cuts tried, {second} of them in a recovery; lost: 0",
            S::NAME,
            wear.saves_per_erase() / 2,
            wear.erases_per_save(),
            first + second,
        );
        assert!(2 * second > first, "most recoveries are long enough for a cut");
    }
}

#[test]
fn words_of_4_in_a_flash_full_of_zeros() {
    Cuts { fresh: 0x00, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 1024>();
    Cuts { fresh: 0x00, ..EVERYWHERE }.everywhere::<Waiting, 1, 4, 1024>();
}

#[test]
fn frames_of_many_pages() {
    EVERYWHERE.everywhere::<Blocking, 4, 4, 256>();
    EVERYWHERE.everywhere::<Waiting, 4, 4, 256>();
}

/// A page for many frames.
#[test]
fn words_of_1() {
    EVERYWHERE.everywhere::<Blocking, 1, 1, 4096>();
}

#[test]
fn words_of_8() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 1, 8, 4096>();
    }
    Cuts { torn: Torn::Unreadable, ..EVERYWHERE }.everywhere::<Waiting, 1, 8, 4096>();
}

#[test]
fn words_of_16() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 16, 16, 2048>();
    }
}

#[test]
fn words_of_32() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 32, 32, 1024>();
    }
}

/// A word that reads as erased but is not, where frames are appended to a page that is not erased for them.
#[test]
fn torn_words_that_look_blank() {
    for torn in [Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 2048>();
        Cuts { torn, ..EVERYWHERE }.everywhere::<Waiting, 4, 4, 2048>();
    }
}

/// The sectors of an STM32F4, words of 1 and of 4, with frames so long that a sector holds three.
#[test]
fn sectors_of_128_kib() {
    Cuts { user: 40_000, stride: 9_973, ..EVERYWHERE }.everywhere::<Blocking, 1, 1, 131_072>();
    Cuts { user: 40_000, stride: 2_099, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 131_072>();
    Cuts { user: 40_000, stride: 4_001, ..EVERYWHERE }.everywhere::<Waiting, 1, 4, 131_072>();
    // Small frames, of which a sector holds 245.
    Cuts { stride: 41, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 131_072>();
}

#[test]
fn a_store_says_what_it_cannot_hold_and_whose_frame_it_has() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    for (start, len, refused) in [
        (0, 1024, CheckpointError::RegionTooSmall { expected: 2048, found: 1024 }),
        (4, 1024, CheckpointError::RegionStart { page: 1024, found: 4 }),
        (1024, 2048, CheckpointError::RegionEnd { expected: 2048, found: 3072 }),
        (0, 4096, CheckpointError::RegionEnd { expected: 2048, found: 4096 }),
    ] {
        assert_eq!(Store::new(&mut flash, start, len, &lengths).unwrap_err(), refused);
    }
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    assert_eq!(store.saves_per_erase() as usize, 2 * (1024 / lengths.frame_len().next_multiple_of(4)));
    let (mut saved, mut loaded) = (Board::new(5), Board::new(5));
    assert_eq!(store.header(), Ok(None));
    let own = identity();
    assert_eq!(store.load(&mut loaded.target(&own)), Err(CheckpointError::Missing));
    saved.after(3, |snapshot| {
        let header = store.save(snapshot).unwrap();
        let other = fit().identity();
        let (expected, found) = (other.fingerprint(), header.fingerprint);
        let foreign = store.load(&mut loaded.target(&other));
        assert_eq!(foreign, Err(CheckpointError::Foreign { expected, found }));
        assert!(foreign.unwrap_err().is_of_another());
        assert_eq!(store.load(&mut loaded.target(&own)), Ok(header));
        assert_eq!((&loaded.progress, Some(&loaded.stopping)), (snapshot.progress, snapshot.stopping));
        assert_eq!((header.sequence, header.erases), (0, 1));
        assert_eq!(store.header(), Ok(Some(header)));
        let (user, expected) = (&[0; 2000], lengths.frame_len().next_multiple_of(4) as u32);
        let longer = Snapshot { user, ..*snapshot };
        let found = longer.lengths().frame_len() as u32;
        assert_eq!(store.save(&longer), Err(CheckpointError::FrameLength { expected, found }));
        let again = store.save(snapshot).unwrap();
        assert_eq!((again.sequence, again.erases), (1, 2), "a half holds one");
    });
    assert_eq!(store.release().erases(), [1, 1]);
}

/// As large as there are addresses, and full of zeros.
#[derive(Debug)]
struct Largest;

impl ErrorType for Largest {
    type Error = SimulatedFault;
}

impl ReadNorFlash for Largest {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        bytes.fill(0);
        Ok(())
    }

    fn capacity(&self) -> usize {
        usize::MAX
    }
}

impl NorFlash for Largest {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        if from < to { Ok(()) } else { Err(SimulatedFault::OutOfBounds) }
    }

    fn write(&mut self, _offset: u32, _bytes: &[u8]) -> Result<(), SimulatedFault> {
        Ok(())
    }
}

/// Its last page cannot be named in an erase.
#[test]
fn a_region_ends_before_2_to_the_32() {
    let (lengths, start) = (Lengths { user: 5, ..LENGTHS }, u32::MAX - 0x2fff);
    let (expected, found) = (u32::MAX.into(), 1 << 32);
    let refused = Store::new(Largest, start + 0x1000, 0x2000, &lengths).unwrap_err();
    assert_eq!(refused, CheckpointError::RegionEnd { expected, found });
    let mut store = Store::new(Largest, start, 0x2000, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| assert_eq!(store.save(snapshot), Err(CheckpointError::ReadBack)));
}

/// A firmware update that changes what a checkpoint holds: the run begins again, and no board says that its flash has failed.
#[test]
fn a_checkpoint_of_other_parts_or_epochs_is_of_another() {
    let (mut memory, mut erases) = ([0xff; 4096], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 2048>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 4096, &Lengths { user: 9, ..LENGTHS }).unwrap();
    let (own, shorter) = (fit().identity(), Fit { epochs: 1, ..fit() }.identity());
    let mut board = Board::new(5);
    Board::new(5).after(20, |snapshot| {
        assert!(snapshot.progress.epochs() > 1);
        store.save(&Snapshot { identity: &own, ..*snapshot }).unwrap();
        let mut refused = |identity, change: fn(&mut Target<'_>)| {
            let mut target = board.target(identity);
            change(&mut target);
            let error = store.load(&mut target).unwrap_err();
            assert!(error.is_of_another(), "{error}");
            error
        };
        for (change, section) in [
            ((|target| target.user = &mut []) as fn(&mut Target<'_>), Section::User),
            (|target| target.best = &mut [], Section::Best),
            (|target| (target.shift, target.factor) = (&mut [], &mut []), Section::Shift),
        ] {
            let error = refused(&own, change);
            assert!(
                matches!(error, CheckpointError::SectionLength { section: found, .. } if found == section),
                "{error}"
            );
        }
        let without = refused(&own, |target| target.stopping = None);
        assert_eq!(without, CheckpointError::Stopping { expected: false });
        assert_eq!(refused(&shorter, |_| {}), CheckpointError::Content { section: Section::Progress });
        store.load(&mut board.target(&own)).unwrap();
    });
    store.flash().cut_after(0);
    Board::new(5).after(3, |snapshot| assert!(!store.save(snapshot).unwrap_err().is_of_another()));
    assert!(!store.load(&mut board.target(&own)).unwrap_err().is_of_another());
}

/// A save reads the place it writes to and what it has written, and a store that has been used nothing else.
#[test]
fn a_save_reads_two_frames() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = (vec![0xff; 2 * 16_384], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 16_384>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 2 * 16_384, &lengths).unwrap();
    let frames = store.saves_per_erase();
    assert!(frames > 40);
    let frame = lengths.frame_len().next_multiple_of(4) as u32;
    Board::new(5).after(3, |snapshot| {
        for save in 0..2 * frames {
            let before = store.flash_ref().bytes_read();
            store.save(snapshot).unwrap();
            let read = store.flash_ref().bytes_read() - before;
            let headers = if save == 0 { 32 * frames } else { 32 };
            assert!(read <= 2 * (frame + 32) + headers, "save {save}: {read} bytes, frames of {frame}");
        }
    });
}

/// Flash of which a part has worn out.
struct Worn<'a> {
    flash: SimulatedFlash<'a, 1, 4, 1024>,
    bad: Range<u32>,
    how: Wears,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wears {
    /// It keeps ones where there should be zeros, and says nothing.
    Silently,
    /// Writing is an error.
    Writing,
    /// Erasing is an error, and nothing is erased behind.
    Erasing,
}

impl ErrorType for Worn<'_> {
    type Error = SimulatedFault;
}

impl ReadNorFlash for Worn<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        ReadNorFlash::read(&mut self.flash, offset, bytes)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(&self.flash)
    }
}

impl NorFlash for Worn<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        if self.how == Wears::Erasing && from < self.bad.end && self.bad.start < to {
            NorFlash::erase(&mut self.flash, from, self.bad.start.max(from))?;
            return Err(SimulatedFault::NotErased);
        }
        NorFlash::erase(&mut self.flash, from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        let mut bytes = bytes.to_vec();
        match self.how {
            Wears::Silently if self.bad.contains(&offset) => bytes[0] |= 0x40,
            Wears::Writing if self.bad.contains(&offset) => return Err(SimulatedFault::NotErased),
            _ => {}
        }
        NorFlash::write(&mut self.flash, offset, &bytes)
    }
}

#[test]
fn a_page_that_is_worn_out_is_noticed_before_the_checkpoint_counts() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0; 2048], [0; 2]);
    let flash = Worn { flash: SimulatedFlash::new(&mut memory, &mut erases, 0), bad: 1024..2048, how: Wears::Silently };
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    let mut board = Board::new(5);
    Board::new(5).after(3, |snapshot| {
        let first = store.save(snapshot).unwrap();
        for (how, error) in [
            (Wears::Erasing, CheckpointError::Medium(SimulatedFault::NotErased)),
            (Wears::Silently, CheckpointError::ReadBack),
            (Wears::Writing, CheckpointError::Medium(SimulatedFault::NotErased)),
        ] {
            store.flash().how = how;
            assert_eq!(store.save(snapshot), Err(error), "{how:?}");
            assert_eq!(store.load(&mut board.target(&identity())).unwrap(), first);
        }
        store.flash().bad = 0..0;
        assert_eq!(store.save(snapshot).unwrap().sequence, 1);
    });
}

/// Of 32 pages one or a few are bad: no save fails, and the newest is found by every boot.
#[test]
fn a_worn_page_is_passed_over() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    for how in [Wears::Silently, Wears::Writing, Wears::Erasing] {
        for bad in [0..1, 1..2, 7..8, 15..16, 16..17, 31..32, 0..3, 0..16] {
            let (mut memory, mut erases) = (vec![0; 32 * 1024], [0; 32]);
            let flash = SimulatedFlash::new(&mut memory, &mut erases, 0);
            let mut flash = Worn { flash, bad: 1024 * bad.start..1024 * bad.end, how };
            Board::new(5).after(3, |snapshot| {
                for sequence in 0..100 {
                    let mut store = Store::new(&mut flash, 0, 32 * 1024, &lengths).unwrap();
                    let (saved, half) = (store.save(snapshot), store.saves_per_erase() / 2);
                    // Where all of a half is bad, the other is good for its frames.
                    if bad.len() == 16 && sequence >= half {
                        assert!(saved.is_err(), "{how:?}, {bad:?}, save {sequence}");
                        assert_eq!(store.header().unwrap().unwrap().sequence, half - 1);
                    } else {
                        assert_eq!(saved.map(|header| header.sequence), Ok(sequence), "{how:?}, {bad:?}");
                        assert_eq!(store.header(), Ok(saved.ok()));
                    }
                }
            });
        }
    }
}

/// Flash that others reach too, without the store's knowledge; and a task that waits for it.
struct Shared<'s, 'm> {
    flash: &'s RefCell<SimulatedFlash<'m, 1, 4, 1024>>,
    /// Reads after which it is waited for ever.
    reads: &'s Cell<u32>,
}

impl ErrorType for Shared<'_, '_> {
    type Error = SimulatedFault;
}

impl ReadNorFlash for Shared<'_, '_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        ReadNorFlash::read(&mut *self.flash.borrow_mut(), offset, bytes)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(&*self.flash.borrow())
    }
}

impl NorFlash for Shared<'_, '_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        NorFlash::erase(&mut *self.flash.borrow_mut(), from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        NorFlash::write(&mut *self.flash.borrow_mut(), offset, bytes)
    }
}

impl waiting::ReadNorFlash for Shared<'_, '_> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        match self.reads.get().checked_sub(1) {
            Some(reads) => self.reads.set(reads),
            None => pending().await,
        }
        ReadNorFlash::read(self, offset, bytes)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(self)
    }
}

impl waiting::NorFlash for Shared<'_, '_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        NorFlash::erase(self, from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        NorFlash::write(self, offset, bytes)
    }
}

/// A store that goes on after a cut knows that the deployed model may be gone, and keeps the one fallen back to.
#[test]
fn a_way_back_that_is_cut_and_then_a_save_leave_a_model() {
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    let flash = RefCell::new(SimulatedFlash::new(&mut memory, &mut erases, 0));
    let shared = Shared { flash: &flash, reads: &Cell::new(0) };
    let (mut params, user) = ([0.0; NET.param_len()], [1; 800]);
    let model = Model { user: &user, ..Model::new(NET, &[0.0; NET.param_len()]) };
    let mut store = ModelStore::new(shared, 0, 2048, &model.lengths()).unwrap();
    assert_eq!(store.wear().saves_per_erase(), 2);
    store.save(&model).unwrap();
    store.save(&Model { user: &[2; 800], ..model }).unwrap();
    let mut user = [9; 800];
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut [], factor: &mut [], user: &mut user };
    // In the erase of the deployed one's page, and then in that for the next one.
    flash.borrow_mut().cut_after(0);
    store.fall_back(&mut target).unwrap_err();
    flash.borrow_mut().power_on();
    flash.borrow_mut().cut_after(0);
    store.save(&Model { user: &[3; 800], ..model }).unwrap_err();
    flash.borrow_mut().power_on();
    store.load(&mut target).unwrap();
    assert_eq!(target.user[0], 1);
}

/// A load looks again, whatever is known; so does all that follows `flash`.
#[test]
fn what_others_do_to_the_flash_is_seen() {
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    let flash = RefCell::new(SimulatedFlash::new(&mut memory, &mut erases, 0));
    let shared = Shared { flash: &flash, reads: &Cell::new(0) };
    let mut store = Store::new(shared, 0, 2048, &Lengths { user: 5, ..LENGTHS }).unwrap();
    let (own, other) = (identity(), fit().identity());
    let mut board = Board::new(5);
    Board::new(5).after(3, |snapshot| {
        for target in [&own, &other] {
            store.save(snapshot).unwrap();
            NorFlash::erase(&mut *flash.borrow_mut(), 0, 2048).unwrap();
            assert_eq!(store.load(&mut board.target(target)), Err(CheckpointError::Missing));
        }
        store.save(snapshot).unwrap();
        NorFlash::erase(store.flash(), 0, 2048).unwrap();
        assert_eq!(store.save(snapshot).unwrap().sequence, 0);
    });
}

/// A frame that was whole when a save was dropped while it was read back: the next one does not bear its number.
#[test]
fn a_save_that_is_dropped_is_looked_for() {
    let (mut memory, mut erases) = ([0xff; 4096], [0; 4]);
    let (flash, reads) = (RefCell::new(SimulatedFlash::new(&mut memory, &mut erases, 0)), Cell::new(u32::MAX));
    let shared = Shared { flash: &flash, reads: &reads };
    let lengths = Lengths { user: 5, ..LENGTHS };
    let mut store = asynchronous::Store::new(shared, 0, 4096, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| {
        assert_eq!(block_on(store.save(snapshot)).unwrap().sequence, 0);
        // The header's erases and the blank place are read before it is written.
        reads.set(1 + lengths.frame_len().next_multiple_of(4).div_ceil(32) as u32);
        let mut saving = Box::pin(store.save(snapshot));
        assert!(saving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(saving);
        reads.set(u32::MAX);
        assert_eq!(block_on(store.header()).unwrap().unwrap().sequence, 1);
        assert_eq!(block_on(store.save(snapshot)).unwrap().sequence, 2);
    });
}

/// A store of a larger region has left a frame that reaches into what is the other half now.
#[test]
fn a_frame_is_within_its_half() {
    let (mut memory, mut erases) = ([0xff; 4096], [0; 4]);
    let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    let (long, lengths) = (Lengths { user: 1000, ..LENGTHS }, Lengths { user: 5, ..LENGTHS });
    assert!(long.frame_len() > 1024);
    let mut store = Store::new(&mut flash, 0, 4096, &long).unwrap();
    Board::new(1000).after(3, |snapshot| assert_eq!(store.save(snapshot).unwrap().erases, 2));
    assert!(store.header().unwrap().is_some());
    let mut store = Store::new(&mut flash, 0, 2048, &lengths).unwrap();
    assert_eq!(store.header(), Ok(None));
}

/// To its last word: nothing is written where a bit of it is cleared.
#[test]
fn a_place_that_is_not_blank_is_not_written() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let stride = lengths.frame_len().next_multiple_of(4);
    let (mut memory, mut erases) = ([0xff; 8192], [0; 2]);
    let mut store =
        Store::new(SimulatedFlash::<1, 4, 4096>::new(&mut memory, &mut erases, 0), 0, 8192, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| {
        store.save(snapshot).unwrap();
        NorFlash::write(store.flash(), 2 * stride as u32 - 4, &[0xff, 0xff, 0xff, 0xfe]).unwrap();
        assert_eq!(store.save(snapshot).unwrap().sequence, 1);
    });
    assert!(memory[stride..2 * stride - 1].iter().all(|&byte| byte == 0xff));
    assert_eq!(memory[2 * stride..][..4], *b"MFCK");
}

/// What fills the last word is as an erase leaves it.
#[test]
fn words_are_filled_up_with_ones() {
    let (lengths, mut memory, mut erases) = (Lengths { user: 5, ..LENGTHS }, [0xff; 2048], [0; 2]);
    let flash = SimulatedFlash::<32, 32, 1024>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| assert!(store.save(snapshot).is_ok()));
    let len = lengths.frame_len();
    assert!(!len.is_multiple_of(32) && memory[len..1024].iter().all(|&byte| byte == 0xff), "{:x?}", &memory[len..]);
}

/// A number after which there is none: nothing is overwritten.
#[test]
fn the_last_sequence_number_is_an_error() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    Board::new(5).after(3, |snapshot| {
        let mut frame = microfit_tests::memory::Memory::default();
        microfit::checkpoint::save(snapshot, u32::MAX, 0, &mut frame).unwrap();
        memory[..frame.0.len()].copy_from_slice(&frame.0);
        let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        assert_eq!(store.save(snapshot), Err(CheckpointError::Sequence));
        assert_eq!(store.load(&mut Board::new(5).target(&identity())).unwrap().sequence, u32::MAX);
        assert_eq!(store.release().operations(), 0);
    });
}

/// A frame tells how many pages were erased before it, its own half's included: of several pages all.
#[test]
fn every_page_that_was_erased_is_counted() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 16]);
    Board::new(5).after(3, |snapshot| {
        let flash = SimulatedFlash::<1, 4, 128>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        let saved: Vec<u32> = (0..9).map(|_| store.save(snapshot).unwrap().erases).collect();
        let last = *saved.last().unwrap();
        assert!(saved.is_sorted() && last >= 16, "{saved:?}");
        assert_eq!(last, store.release().erases().iter().sum::<u32>());
    });
}

/// Frames of a later version are kept until ours is whole, and named.
#[test]
fn a_later_version_is_named() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    Board::new(5).after(3, |snapshot| {
        let mut frame = microfit_tests::memory::Memory::default();
        microfit::checkpoint::save(snapshot, 8, 0, &mut frame).unwrap();
        frame.0[4] = 2;
        // Its sections may be others.
        frame.0[28] = 99;
        let later = microfit_tests::memory::sealed(frame.0);
        memory[..later.len()].copy_from_slice(&later);
        let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        assert_eq!(store.load(&mut Board::new(5).target(&identity())), Err(CheckpointError::Version { found: 2 }));
        assert_eq!(store.save(snapshot).unwrap().sequence, 9);
        assert_eq!(store.load(&mut Board::new(5).target(&identity())).unwrap().sequence, 9);
        assert_eq!(store.release().erases(), [0, 1]);
    });
}
