//! The nRF51's flash controller as embedded-storage's NOR flash: pages of 1 KiB, words of 4 bytes.
//!
//! A driver of our own, because the crates have none: embassy-nrf 0.11 builds for the nRF51 but takes its pages for 4 KiB,
//! as the nRF52's are, so that it would erase one in four; nrf-hal has the controller of other chips only. Registers as
//! the nRF51 Series Reference Manual 3.0 has them, chapter 6; the emulator's controller is the same.

use core::ptr::addr_of;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

const READY: *const u32 = 0x4001_E400 as *const u32;
const CONFIG: *mut u32 = 0x4001_E504 as *mut u32;
const ERASE_PAGE: *mut u32 = 0x4001_E508 as *mut u32;

/// What the controller lets the core do.
#[derive(Clone, Copy)]
enum Mode {
    Read = 0,
    Write = 1,
    Erase = 2,
}

unsafe extern "C" {
    static _checkpoints_start: u32;
    static _checkpoints_end: u32;
}

/// The region that boards/microbit.x keeps free for checkpoints. Offset 0 is its first byte.
pub(crate) struct Nvmc {
    start: usize,
    end: usize,
}

impl Nvmc {
    /// Takes the controller.
    ///
    /// # Safety
    /// There must be one at a time, and nobody else may use the controller.
    pub(crate) unsafe fn new() -> Self {
        Self { start: addr_of!(_checkpoints_start) as usize, end: addr_of!(_checkpoints_end) as usize }
    }
}

fn set(mode: Mode) {
    // SAFETY: a register of the controller, whose only owner calls this.
    unsafe { CONFIG.write_volatile(mode as u32) };
    wait();
}

fn wait() {
    // SAFETY: as above. On a board the core stands still while flash is written, so this turns once.
    while unsafe { READY.read_volatile() } & 1 == 0 {}
}

/// What the caller asked wrongly; the controller itself reports no errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, defmt::Format)]
pub(crate) enum NvmcFault {
    /// Not whole words or pages.
    NotAligned,
    /// Past the end of the region.
    OutOfBounds,
}

impl From<NorFlashErrorKind> for NvmcFault {
    fn from(kind: NorFlashErrorKind) -> Self {
        if kind == NorFlashErrorKind::NotAligned { Self::NotAligned } else { Self::OutOfBounds }
    }
}

impl NorFlashError for NvmcFault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
        }
    }
}

impl ErrorType for Nvmc {
    type Error = NvmcFault;
}

impl ReadNorFlash for Nvmc {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NvmcFault> {
        check_read(self, offset, bytes.len())?;
        let mut from = (self.start + offset as usize) as *const u8;
        for byte in bytes {
            // SAFETY: within the region, which is flash; volatile, because the controller changes it.
            *byte = unsafe { from.read_volatile() };
            from = from.wrapping_add(1);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.end - self.start
    }
}

impl NorFlash for Nvmc {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NvmcFault> {
        check_erase(self, from, to)?;
        set(Mode::Erase);
        for page in (from..to).step_by(Self::ERASE_SIZE) {
            // SAFETY: the controller's register, with the address of a page of the region.
            unsafe { ERASE_PAGE.write_volatile(self.start as u32 + page) };
            wait();
        }
        set(Mode::Read);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NvmcFault> {
        check_write(self, offset, bytes.len())?;
        set(Mode::Write);
        let mut to = (self.start + offset as usize) as *mut u32;
        for word in bytes.as_chunks().0 {
            // SAFETY: an aligned word of the region, and the controller is set to writing.
            unsafe { to.write_volatile(u32::from_le_bytes(*word)) };
            wait();
            to = to.wrapping_add(1);
        }
        set(Mode::Read);
        Ok(())
    }
}
