//! A frame in RAM.

use microfit::checkpoint::{Sink, Source};

/// Bytes that a frame is written to and read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory(pub Vec<u8>);

/// Asked for bytes past the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastTheEnd;

impl Sink for Memory {
    type Error = PastTheEnd;

    fn write(&mut self, bytes: &[u8]) -> Result<(), PastTheEnd> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Source for Memory {
    type Error = PastTheEnd;

    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PastTheEnd> {
        let end = offset as usize + bytes.len();
        bytes.copy_from_slice(self.0.get(offset as usize..end).ok_or(PastTheEnd)?);
        Ok(())
    }
}

/// The frame with its CRC made good again, so that what lies behind it is looked at.
#[must_use]
pub fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    let Some(at) = frame.len().checked_sub(4) else { return frame };
    let mut crc = !0_u32;
    for byte in &frame[..at] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    frame[at..].copy_from_slice(&(!crc).to_le_bytes());
    frame
}
