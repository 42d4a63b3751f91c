//! Every public operation of `microfit::checkpoint` and `microfit::storage`, with arguments the optimizer does not know.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, ReadNorFlash};
use microfit::checkpoint::{
    CheckpointError, Header, Lengths, Restored, Sink, Snapshot, Source, Target, load, save, verify,
};
use microfit::data::{Rows, Shuffle};
use microfit::loss::MeanSquaredError;
use microfit::optimizer::Adam;
use microfit::schedule::Constant;
use microfit::storage::{SimulatedFault, SimulatedFlash, Store};
use microfit::{Clock, EarlyStopping, Error, Fit, Goal, Topology};

use crate::any;

/// A frame in RAM.
struct Memory<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Sink for Memory<'_> {
    type Error = ();

    fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let end = self.len.saturating_add(bytes.len());
        self.bytes.get_mut(self.len..end).ok_or(())?.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.len = end;
        Ok(())
    }
}

impl Source for Memory<'_> {
    type Error = ();

    fn len(&self) -> u32 {
        self.len as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ()> {
        let rest = self.bytes.get(offset as usize..).ok_or(())?;
        bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// All of it; what the sum is does not matter.
pub(crate) fn every_operation(topology: Topology<'_>, params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    let fit = Fit {
        topology,
        loss: MeanSquaredError,
        optimizer: Adam::keras(any(0.9), any(0.999), any(1e-7))?,
        schedule: Constant::new(any(0.1))?,
        clock: any(Clock::Update),
        order: Shuffle::new(any(3)),
        batch: any(28),
        epochs: any(2),
    };
    let fingerprint = fit.fingerprint();
    let rows = Rows { features: &[[any(0.0); 34]; 3], targets: &[[any(1.0)]; 3] };
    let mut trainer = fit.start(params, workspace)?;
    trainer.step(&rows, &rows)?;
    let extra = any([0.5; 8]);
    let extra = extra.get(..any(8)).unwrap_or_default();
    let user = any([7; 5]);
    let stopping = EarlyStopping::new(any(Goal::Minimize), any(9), any(0.0))?.start();
    let snapshot = Snapshot {
        stopping: any(Some(stopping)),
        best: extra,
        shift: extra,
        factor: extra,
        user: user.get(..any(5)).unwrap_or_default(),
        ..trainer.snapshot()
    };

    let (mut params, mut state, mut best, mut shift, mut factor, mut user) =
        (any([0.0; 64]), any([0.0; 64]), any([0.0; 8]), any([0.0; 8]), any([0.0; 8]), any([0; 8]));
    let mut target = Target {
        fingerprint,
        params: params.get_mut(..any(64)).unwrap_or_default(),
        state: state.get_mut(..any(64)).unwrap_or_default(),
        best: best.get_mut(..any(8)).unwrap_or_default(),
        shift: shift.get_mut(..any(8)).unwrap_or_default(),
        factor: factor.get_mut(..any(8)).unwrap_or_default(),
        user: user.get_mut(..any(5)).unwrap_or_default(),
    };
    let mut sum = framed(&snapshot, &mut target).unwrap_or(0.0);
    let (mut memory, mut erases) = (any([0xff; 2048]), any([0; 8]));
    let memory = memory.get_mut(..any(2048)).unwrap_or_default();
    let erases = erases.get_mut(..any(8)).unwrap_or_default();
    let flash = SimulatedFlash::<1, 4, 1024>::new(memory, erases, any(1));
    sum += stored(flash, &snapshot, &mut target).unwrap_or(0.0);
    let mut flash = SimulatedFlash::<4, 8, 256>::new(memory, erases, any(1));
    sum += stored(&mut flash, &snapshot, &mut target).unwrap_or(0.0);
    Ok(sum + simulated(&mut flash).unwrap_or_else(|fault| fault.kind() as u8 as f32))
}

fn of_header(header: &Header) -> f32 {
    (header.len ^ header.sequence ^ header.erases) as f32 + header.fingerprint as f32
}

fn of_restored(restored: &Restored) -> f32 {
    let waited = restored.stopping.is_some();
    of_header(&restored.header) + restored.progress.updates() as f32 + f32::from(waited)
}

fn framed(snapshot: &Snapshot, target: &mut Target) -> Result<f32, CheckpointError<()>> {
    let mut bytes = any([0; 1024]);
    let mut memory = Memory { bytes: bytes.get_mut(..any(1024)).unwrap_or_default(), len: any(0) };
    save(snapshot, any(1), any(2), &mut memory)?;
    let lengths: [Lengths; 2] = [snapshot.lengths(), target.lengths()];
    let sum = lengths.iter().fold(0, |sum: usize, lengths| sum.wrapping_add(lengths.frame_len()));
    let header = verify(&mut memory)?;
    Ok(of_restored(&load(&mut memory, target)?) + of_header(&header) + sum as f32 + f32::from(memory.is_empty()))
}

fn stored<F: NorFlash>(
    flash: F,
    snapshot: &Snapshot,
    target: &mut Target,
) -> Result<f32, CheckpointError<<F as ErrorType>::Error>> {
    let mut store = Store::new(flash, any(0), any(2048), any(&snapshot.lengths()))?;
    let mut sum = of_header(&store.save(snapshot)?) + store.header()?.as_ref().map_or(0.0, of_header);
    sum += of_restored(&store.load(target)?) + store.saves_per_erase() as f32;
    Ok(sum + (store.flash().capacity() ^ store.release().capacity()) as f32)
}

fn simulated(flash: &mut SimulatedFlash<4, 8, 256>) -> Result<f32, SimulatedFault> {
    let bytes = any([0; 64]);
    flash.cut_after(any(9));
    flash.erase(any(0), any(512))?;
    flash.write(any(8), bytes.get(..any(64)).unwrap_or_default())?;
    flash.power_on();
    let mut bytes = bytes;
    flash.read(any(4), bytes.get_mut(..any(64)).unwrap_or_default())?;
    let erases = flash.erases().iter().fold(0_u32, |a, b| a.wrapping_add(*b));
    Ok((flash.operations() ^ erases) as f32 + f32::from(flash.is_off()) + bytes.first().map_or(0.0, |&b| f32::from(b)))
}
