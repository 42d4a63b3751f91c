//! Two halves of whole pages, to which frames are appended in turn: what both stores stand on.

use super::super::wear::{self, Wear};
use super::bisync;
use super::flash::{Bytes, CHUNK, Words};
use super::frames::{compare, write};
use super::nor_flash::{ErrorType, NorFlash};
use crate::checkpoint::{CRC, CRC_OF_WHOLE, CheckpointError, HEADER, Header, Kind, Parts, VERSION};
use crate::topology::Topology;

#[derive(Debug)]
pub(super) struct Region<F> {
    flash: F,
    start: u32,
    half: u32,
    /// Bytes from one frame to the next.
    stride: u32,
    capacity: u32,
    /// The newest whole frame, where it is known.
    newest: Option<Place>,
}

/// Where a frame is. The newer is the greater; two of one number, one of them from a place that was passed over, have an order all the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    sequence: u32,
    /// Counted through both halves.
    slot: u32,
}

impl Place {
    /// Newer than any.
    pub(super) const END: Self = Self { sequence: u32::MAX, slot: u32::MAX };
}

type Stored<T, F> = Result<T, CheckpointError<<F as ErrorType>::Error>>;

impl<F: NorFlash> Region<F> {
    pub(super) fn new(flash: F, start: u32, len: u32, frame_len: usize) -> Stored<Self, F> {
        const {
            let (read, write) = (F::READ_SIZE, F::WRITE_SIZE);
            assert!(read > 0 && write > 0 && F::ERASE_SIZE > 0, "a flash has words and pages");
            assert!(CHUNK.is_multiple_of(read) && CHUNK.is_multiple_of(write), "words of 1, 2, 4, 8, 16 or 32 bytes");
            assert!(F::ERASE_SIZE.is_multiple_of(write) && F::ERASE_SIZE.is_multiple_of(read), "a page is whole words");
        }
        let page = F::ERASE_SIZE as u32;
        let word = F::READ_SIZE.max(F::WRITE_SIZE) as u32;
        let half = len / page / 2 * page;
        // Where an erase ends has 32 bits.
        let expected = (flash.capacity() as u64).min(u32::MAX.into());
        let found = u64::from(start) + u64::from(len);
        if !start.is_multiple_of(page) {
            return Err(CheckpointError::RegionStart { page, found: start });
        }
        if found > expected {
            return Err(CheckpointError::RegionEnd { expected, found });
        }
        match (Wear::new(frame_len, len, page, word), wear::stride(frame_len, word)) {
            (Some(Wear { capacity, .. }), Some(stride)) => {
                Ok(Self { flash, start, half, stride, capacity, newest: None })
            }
            (_, stride) => {
                let pages = stride.and_then(|stride| stride.checked_next_multiple_of(page));
                let expected = pages.and_then(|pages| pages.checked_mul(2)).unwrap_or(u32::MAX);
                Err(CheckpointError::RegionTooSmall { expected, found: len })
            }
        }
    }

    pub(super) const fn wear(&self) -> Wear {
        Wear { capacity: self.capacity, pages: self.half / F::ERASE_SIZE as u32 }
    }

    pub(super) fn release(self) -> F {
        self.flash
    }

    pub(super) const fn flash_ref(&self) -> &F {
        &self.flash
    }

    /// What is done to the flash meanwhile is not known here.
    pub(super) const fn flash(&mut self) -> &mut F {
        self.newest = None;
        &mut self.flash
    }

    /// Which half, and how far into it.
    const fn place(&self, slot: u32) -> (u32, u32) {
        if slot < self.capacity { (0, slot * self.stride) } else { (1, (slot - self.capacity) * self.stride) }
    }

    pub(super) const fn half(&self, place: Place) -> u32 {
        self.place(place.slot).0
    }

    const fn offset(&self, slot: u32) -> u32 {
        let (half, offset) = self.place(slot);
        self.start + half * self.half + offset
    }

    /// Bytes from there to the end of the half.
    const fn room(&self, slot: u32) -> u32 {
        self.half - self.place(slot).1
    }

    /// The bytes from a frame's first on.
    pub(super) const fn source(&mut self, place: Place) -> Bytes<'_, F> {
        let (at, room) = (self.offset(place.slot), self.room(place.slot));
        Bytes::new(&mut self.flash, at, room)
    }

    /// What a frame says of itself.
    #[bisync]
    #[inline(never)]
    pub(super) async fn header(&mut self, place: Place) -> Result<Option<Header>, F::Error> {
        // A header and more: CHUNK is whole words, and no frame is shorter.
        let mut bytes = [0; CHUNK];
        self.flash.read(self.offset(place.slot), &mut bytes).await?;
        Ok(Header::of_bytes(&bytes))
    }

    /// Whether a whole frame is of this kind and of this network.
    #[bisync]
    #[inline(never)]
    pub(super) async fn compare(&mut self, place: Place, kind: Kind, topology: &Topology<'_>) -> Stored<(), F> {
        compare(&mut self.source(place), kind, topology).await
    }

    /// Whether two whole frames hold the same behind their headers.
    #[bisync]
    #[inline(never)]
    pub(super) async fn is_same(&mut self, one: Place, other: Place) -> Result<bool, F::Error> {
        let (one, other) = (self.offset(one.slot), self.offset(other.slot));
        let (mut offset, mut len) = (0, CHUNK as u32);
        while offset < len {
            let (mut a, mut b) = ([0; CHUNK], [0; CHUNK]);
            let n = (len - offset).min(CHUNK as u32);
            let words = n.next_multiple_of(F::READ_SIZE as u32) as usize;
            self.flash.read(one + offset, a.get_mut(..words).unwrap_or_default()).await?;
            self.flash.read(other + offset, b.get_mut(..words).unwrap_or_default()).await?;
            let mut skipped = 0;
            if offset == 0 {
                let [a, b] = [&a, &b].map(|bytes| Header::of_bytes(bytes).map_or(0, |header| header.len));
                if a != b {
                    return Ok(false);
                }
                // The CRCs differ if the numbers do.
                (skipped, len) = (HEADER, a.saturating_sub(4));
            }
            if a.iter().zip(&b).take(n as usize).skip(skipped).any(|(a, b)| a != b) {
                return Ok(false);
            }
            offset += CHUNK as u32;
        }
        Ok(true)
    }

    /// The newest whole frame, whosever it is. If it is known only its header is read, which may have become unreadable: then all are.
    #[bisync]
    #[inline(never)]
    pub(super) async fn newest(&mut self) -> Result<Option<Place>, F::Error> {
        if let Some(Place { sequence, slot }) = self.newest
            && let Ok(found) = self.sequence(self.offset(slot), None).await
            && found == Some(sequence)
        {
            return Ok(self.newest);
        }
        self.newest = self.newest_before(Place::END, None).await?;
        Ok(self.newest)
    }

    /// The newest whole frame with this fingerprint; without one, the newest of another. It is looked at again, whatever is known of
    /// it.
    #[bisync]
    #[inline(always)]
    pub(super) async fn newest_of(&mut self, fingerprint: u64) -> Result<Option<Place>, F::Error> {
        self.newest = None;
        self.newest_for(Some(&fingerprint)).await
    }

    /// By reference, as a header has it already: it would be 8 bytes more of stack.
    #[bisync]
    #[inline(always)]
    async fn newest_for(&mut self, mut own: Option<&u64>) -> Result<Option<Place>, F::Error> {
        loop {
            let newest = self.newest_before(Place::END, own).await?;
            if newest.is_some() || own.is_none() {
                return Ok(newest);
            }
            own = None;
        }
    }

    /// The newest whole frame that is older than `before`, with this fingerprint, if one is given. All headers are read once, from the
    /// end, where a half's newer ones are: so of each half no frame is read that is older than its newest. Where reading fails, and once
    /// more, there is no whole frame: a word that was torn makes some chips fault. It is an error if no header can be read and neither
    /// half's end: then it is not a word, but the chip. If an end can be read the headers are asked again before there is none.
    #[bisync]
    #[inline(never)]
    pub(super) async fn newest_before(
        &mut self,
        before: Place,
        fingerprint: Option<&u64>,
    ) -> Result<Option<Place>, F::Error> {
        let (mut newest, mut works) = (None, false);
        loop {
            for slot in (0..2 * self.capacity).rev() {
                let mut found = self.sequence(self.offset(slot), fingerprint).await;
                if found.is_err() {
                    found = self.sequence(self.offset(slot), fingerprint).await;
                }
                works |= found.is_ok();
                let Ok(Some(sequence)) = found else { continue };
                let place = Place { sequence, slot };
                if place < before && newest.is_none_or(|newest| newest < place) && self.is_found_whole(place).await {
                    newest = Some(place);
                }
            }
            if works {
                return Ok(newest);
            }
            self.ends().await?;
            works = true;
        }
    }

    /// Whether one of the halves can be read at its end.
    #[bisync]
    #[inline(never)]
    async fn ends(&mut self) -> Result<(), F::Error> {
        let mut bytes = [0; CHUNK];
        let word = bytes.get_mut(..F::READ_SIZE).unwrap_or_default();
        let at = self.start + self.half - F::READ_SIZE as u32;
        match self.flash.read(at, word).await {
            Ok(()) => Ok(()),
            Err(_) => self.flash.read(at + self.half, word).await,
        }
    }

    /// The sequence number of a frame that may be here, with this fingerprint if that is given. What a later version has written may be
    /// whole too, but is nobody's.
    #[bisync]
    #[inline(never)]
    async fn sequence(&mut self, at: u32, fingerprint: Option<&u64>) -> Result<Option<u32>, F::Error> {
        let mut bytes = [0; CHUNK];
        self.flash.read(at, &mut bytes).await?;
        let header = Header::of_bytes(&bytes);
        let wanted = header.filter(|header| fingerprint.is_none_or(|&own| header.is_of(own)));
        Ok(wanted.map(|header| header.sequence))
    }

    /// Whether a frame is here, looked at once more where reading fails: a bus is busy once, a torn word is torn the second time too.
    #[bisync]
    #[inline(always)]
    async fn is_found_whole(&mut self, place: Place) -> bool {
        match self.is_whole(place).await {
            Ok(whole) => whole,
            Err(_) => self.is_whole(place).await.unwrap_or(false),
        }
    }

    /// Whether a frame is here, to the last bit of its CRC, as far as it can be read.
    #[bisync]
    #[inline(never)]
    async fn is_whole(&mut self, place: Place) -> Result<bool, F::Error> {
        let (at, room) = (self.offset(place.slot), self.room(place.slot));
        let mut digest = CRC.digest();
        let (mut offset, mut len) = (0, CHUNK as u32);
        while offset < len {
            let mut bytes = [0; CHUNK];
            // No word behind the frame: it may be torn, and not readable.
            let (n, whole) = ((len - offset).min(CHUNK as u32), F::READ_SIZE as u32);
            let words = n.next_multiple_of(whole) as usize;
            self.flash.read(at + offset, bytes.get_mut(..words).unwrap_or_default()).await?;
            if offset == 0 {
                len = Header::of_bytes(&bytes).map_or(0, |header| header.len);
            }
            if len > room || len < CHUNK as u32 {
                return Ok(false);
            }
            digest.update(bytes.get(..n as usize).unwrap_or_default());
            offset += CHUNK as u32;
        }
        Ok(digest.finalize() == CRC_OF_WHOLE)
    }

    /// Writes a frame behind the newest, or else to the half that [`Self::make_room`] erases for it; and reads it back. Where it cannot be
    /// written it goes to the next place, and if there is no newest frame to the other half too. Until it was good, the next call looks for
    /// the newest again.
    #[bisync]
    #[inline(always)]
    pub(super) async fn append(&mut self, parts: Parts<'_>, keep: Option<u32>) -> Stored<Header, F> {
        parts.check()?;
        let mut header = parts.header();
        if header.len > self.stride {
            return Err(CheckpointError::FrameLength { expected: self.stride, found: header.len });
        }
        let newest = self.newest().await.map_err(CheckpointError::Medium)?;
        // The places left to try: of the half that is taken last all.
        let (mut slot, mut left) = (0, 2 * self.capacity);
        if let Some(place) = newest {
            // Its successor would not be newer. At a save a second that is 136 years.
            header.sequence = place.sequence.checked_add(1).ok_or(CheckpointError::Sequence)?;
            (slot, header.erases) = self.behind(place).await.map_err(CheckpointError::Medium)?;
            left = self.capacity * (2 + self.half(place)) - slot;
        }
        loop {
            if left.is_multiple_of(self.capacity) {
                let last = left == self.capacity;
                let (begin, erased) = self.make_room(keep, &header, last).await.map_err(CheckpointError::Medium)?;
                (slot, header.erases) = (begin, header.erases.saturating_add(erased));
            }
            let written = match self.is_blank(slot).await {
                Ok(true) => self.write_at(Place { sequence: header.sequence, slot }, parts, &header).await,
                // What cannot be read is not blank either.
                not => not,
            };
            match written {
                Ok(true) => return Ok(header),
                // A word that was torn may read as erased, but cannot be written; or the page is worn out.
                _ if left > 1 => {}
                Ok(false) => return Err(CheckpointError::ReadBack),
                Err(error) => return Err(CheckpointError::Medium(error)),
            }
            // What was torn here has no higher number, and is never the newer, should it read right one day.
            (slot, left, header.sequence) = (slot + 1, left - 1, header.sequence.saturating_add(1));
        }
    }

    /// The first place behind a frame, which takes several if it is of a store of greater lengths, or the end of its half; and the
    /// pages erased before it.
    #[bisync]
    #[inline(never)]
    async fn behind(&mut self, place: Place) -> Result<(u32, u32), F::Error> {
        let Header { version, len: whole, erases, .. } = self.header(place).await?.unwrap_or(Header::BLANK);
        let (end, mut slot, mut len) = (self.capacity * (1 + self.half(place)), place.slot + 1, self.stride);
        while slot < end && len < whole {
            (slot, len) = (slot + 1, len + self.stride);
        }
        // Where another version has its own business.
        Ok((slot, if version == VERSION { erases } else { 0 }))
    }

    /// Erases the half that is not `keep`, and says where it begins and how many pages that were. Without one to keep it is not the newest's
    /// with the fingerprint of `header`, which is what a load gives, or else not the newest's of another. If there is none either the first
    /// half is erased, and last the second.
    #[bisync]
    #[inline(never)]
    async fn make_room(&mut self, keep: Option<u32>, header: &Header, last: bool) -> Result<(u32, u32), F::Error> {
        let kept = match keep {
            // What was the newest may have rotted.
            None if last => self.newest_for(Some(&header.fingerprint)).await?.map(|place| self.half(place)),
            keep => keep,
        };
        let half = 1 - kept.unwrap_or(u32::from(!last));
        let slot = half * self.capacity;
        match self.erase(half).await {
            Ok(()) => Ok((slot, self.wear().pages)),
            // Other pages than the one that failed may be blank now.
            Err(_) if !last || self.has_blank(slot).await => Ok((slot, 0)),
            Err(error) => Err(error),
        }
    }

    /// Erases a half; page by page if that fails, because one that is worn out should not leave the others as they are.
    #[bisync]
    #[inline(never)]
    async fn erase(&mut self, half: u32) -> Result<(), F::Error> {
        self.newest = None;
        let (from, page) = (self.start + half * self.half, F::ERASE_SIZE as u32);
        let erased = self.flash.erase(from, from + self.half).await;
        if erased.is_err() {
            for at in (from..from + self.half).step_by(page as usize) {
                let _ = self.flash.erase(at, at + page).await;
            }
        }
        erased
    }

    /// Whether there is a blank place in the half that begins here.
    #[bisync]
    #[inline(never)]
    async fn has_blank(&mut self, begin: u32) -> bool {
        for slot in begin..begin + self.capacity {
            if let Ok(true) = self.is_blank(slot).await {
                return true;
            }
        }
        false
    }

    /// Whether the room for a frame is as an erase leaves it.
    #[bisync]
    #[inline(never)]
    async fn is_blank(&mut self, slot: u32) -> Result<bool, F::Error> {
        let (at, end) = (self.offset(slot), self.stride);
        let mut offset = 0;
        while offset < end {
            let mut bytes = [0xff; CHUNK];
            let n = (end - offset).min(CHUNK as u32) as usize;
            self.flash.read(at + offset, bytes.get_mut(..n).unwrap_or_default()).await?;
            if bytes.iter().any(|&byte| byte != 0xff) {
                return Ok(false);
            }
            offset += CHUNK as u32;
        }
        Ok(true)
    }

    /// Whether it could be read back. Inlined, because every call's frame is on the stack under a write.
    #[bisync]
    #[inline(always)]
    async fn write_at(&mut self, place: Place, parts: Parts<'_>, header: &Header) -> Result<bool, F::Error> {
        self.newest = None;
        self.write_frame(place.slot, parts, header).await?;
        let whole = self.is_whole(place).await?;
        if whole {
            self.newest = Some(place);
        }
        Ok(whole)
    }

    /// Its buffer is not on the stack when frames are looked for and read.
    #[bisync]
    #[inline(never)]
    async fn write_frame(&mut self, slot: u32, parts: Parts<'_>, header: &Header) -> Result<(), F::Error> {
        let at = self.offset(slot);
        let mut words = Words::new(&mut self.flash, at);
        write(parts, header, &mut words).await?;
        words.finish().await
    }
}
