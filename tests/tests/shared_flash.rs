//! What a store knows of its flash, it knows again after others have written there, after a cut, and after a save that was dropped.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::task::{Context, Waker};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use embedded_storage_async::nor_flash as waiting;
use microfit::checkpoint::{CheckpointError, Lengths, Model, ModelTarget};
use microfit::storage::{ModelStore, SimulatedFault, SimulatedFlash, Store, asynchronous};
use microfit_tests::board::{Board, LENGTHS, NET, fit, identity};
use pollster::block_on;

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
        // The newest one's header, twice, and the blank place are read before it is written.
        reads.set(2 + lengths.frame_len().next_multiple_of(4).div_ceil(32) as u32);
        let mut saving = Box::pin(store.save(snapshot));
        assert!(saving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(saving);
        reads.set(u32::MAX);
        assert_eq!(block_on(store.header()).unwrap().unwrap().sequence, 1);
        assert_eq!(block_on(store.save(snapshot)).unwrap().sequence, 2);
    });
}
