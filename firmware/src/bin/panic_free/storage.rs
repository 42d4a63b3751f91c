//! Every public operation of `microfit::checkpoint` and `microfit::storage`, with arguments the optimizer does not know.

use core::fmt::{Debug, Display, Write as _};

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, ReadNorFlash};
use microfit::checkpoint::{
    CheckpointError, Frame, Header, Identity, Kind, LayerShape, Lengths, Model, ModelTarget, Section, Sink, Snapshot,
    Source, Target, load, load_model, save, save_model, verify,
};
use microfit::data::{Rows, Shuffle};
use microfit::loss::MeanSquaredError;
use microfit::optimizer::Adam;
use microfit::schedule::keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau};
use microfit::schedule::transformers::{GreedyOptions, greedy};
use microfit::schedule::{Constant, Feedback, GreedyState, PlateauState, Words};
use microfit::storage::{
    ModelStore, Outcome, Promotion, PromotionError, SimulatedFault, SimulatedFlash, Store, Torn, Wear,
};
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
    let plateau = reduce_lr_on_plateau(any(0.1), any(ReduceLrOnPlateauOptions::DEFAULT))?;
    let identity = fit.identity().tagged(any(3)).with_feedback(&plateau);
    let mut words = any([0; PlateauState::WORDS]);
    plateau.start().to_words(words.get_mut(..any(9)).unwrap_or_default())?;
    let mut greedy_words = any([0; GreedyState::<3>::WORDS]);
    greedy::<3>(any(0.1), any(GreedyOptions::DEFAULT))?
        .start()
        .to_words(greedy_words.get_mut(..any(20)).unwrap_or_default())?;
    let lr = PlateauState::from_words(any(&words))?.lr + GreedyState::<3>::from_words(any(&greedy_words))?.lr;
    let rows = Rows { features: &[[any(0.0); 34]; 3], targets: &[[any(1.0)]; 3] };
    let mut trainer = fit.start(params, workspace)?;
    trainer.step(&rows, &rows)?;
    let extra = any([0.5; 8]);
    let extra = extra.get(..any(8)).unwrap_or_default();
    let user = any([7; 5]);
    let stopping = EarlyStopping::new(any(Goal::Minimize), any(9), any(0.0))?.start();
    let mut snapshot: Snapshot<'_> = trainer.snapshot(&identity);
    snapshot.stopping = any(Some(&stopping));
    snapshot.feedback = any(&words);
    snapshot.best = extra;
    snapshot.shift = extra;
    snapshot.factor = extra;
    snapshot.user = user.get(..any(5)).unwrap_or_default();

    let (mut feedback, mut stopped) = (any([0; 9]), any(stopping));
    let (mut params, mut workspace, mut best, mut shift, mut factor, mut user) =
        (any([0.0; 64]), any([0.0; 256]), any([0.0; 8]), any([0.0; 8]), any([0.0; 8]), any([0; 8]));
    let mut other =
        fit.start(params.get_mut(..any(64)).unwrap_or_default(), workspace.get_mut(..any(256)).unwrap_or_default())?;
    let mut target: Target<'_> = other.target(&identity);
    target.stopping = any(true).then_some(&mut stopped);
    target.feedback = feedback.get_mut(..any(9)).unwrap_or_default();
    target.best = best.get_mut(..any(8)).unwrap_or_default();
    target.shift = shift.get_mut(..any(8)).unwrap_or_default();
    target.factor = factor.get_mut(..any(8)).unwrap_or_default();
    target.user = user.get_mut(..any(5)).unwrap_or_default();
    let mut sum = lr as f32 + told(framed(&snapshot, &mut target));
    sum += told(modelled(topology, &snapshot, &mut target));
    let (mut memory, mut erases) = (any([0xff; 2048]), any([0; 8]));
    let memory = memory.get_mut(..any(2048)).unwrap_or_default();
    let erases = erases.get_mut(..any(8)).unwrap_or_default();
    let flash = SimulatedFlash::<1, 4, 1024>::new(memory, erases, any(1)).torn(any(Torn::Blank));
    sum += told(stored(flash, &snapshot, &mut target));
    let mut flash = SimulatedFlash::<4, 8, 256>::new(memory, erases, any(1));
    sum += told(stored(&mut flash, &snapshot, &mut target));
    sum += promoted(&mut flash, topology, &snapshot, &mut target).unwrap_or_else(|error| of_text(&error));
    Ok(sum + simulated(&mut flash).unwrap_or_else(|fault| fault.kind() as u8 as f32 + of_text(&fault)))
}

/// Not through `dyn Error`, whose `Debug` formats floats.
fn of_text(error: &impl Display) -> f32 {
    let mut text = heapless::String::<256>::new();
    // A message that does not fit is cut: no failure of this image.
    let _ = write!(text, "{error}");
    text.len() as f32
}

fn told<E: Debug>(result: Result<f32, CheckpointError<E>>) -> f32 {
    result.unwrap_or_else(|error| of_text(&error) + f32::from(error.is_incomplete()) + f32::from(error.is_of_another()))
}

fn of_header(header: &Header) -> f32 {
    (header.len ^ header.sequence ^ header.erases) as f32 + header.fingerprint as f32
}

fn of_loaded(target: &Target) -> f32 {
    let (train, validation) = (target.progress.train(), target.progress.validation());
    let stopping = target.stopping.as_ref().map_or(0.0, |stopping| stopping.best());
    target.progress.updates() as f32 + train.loss() + validation.loss() + stopping
}

fn of_layer(layer: LayerShape) -> f32 {
    f32::from(layer.units) + layer.behaviour as f32
}

fn framed(snapshot: &Snapshot, target: &mut Target) -> Result<f32, CheckpointError<()>> {
    let mut bytes = any([0; 1024]);
    let mut memory = Memory { bytes: bytes.get_mut(..any(1024)).unwrap_or_default(), len: any(0) };
    let saved: Header = save(snapshot, any(1), any(2), &mut memory)?;
    let lengths: [Lengths; 2] = [snapshot.lengths(), target.lengths()];
    let sum = lengths.iter().fold(0, |sum: usize, lengths| sum.wrapping_add(lengths.frame_len()));
    let header = verify(&mut memory)?;
    let sum = sum as f32 + of_header(&saved) + of_header(&header) + described(&mut memory)?;
    Ok(of_header(&load(&mut memory, target)?) + of_loaded(target) + sum + f32::from(memory.is_empty()))
}

fn described(memory: &mut Memory) -> Result<f32, CheckpointError<()>> {
    let mut frame = Frame::open(memory)?;
    let mut sum = of_header(&frame.header()) + frame.lengths().frame_len() as f32 + frame.inputs()? as f32;
    sum += of_layer(frame.layer(any(1))?) + frame.progress()?.epochs() as f32;
    sum += frame.stopping()?.map_or(0.0, |stopping| stopping.best());
    let (mut bytes, mut floats) = (any([0; 4]), any([0.0; 4]));
    frame.bytes(any(Section::User), any(1), bytes.get_mut(..any(4)).unwrap_or_default())?;
    frame.floats(any(Section::Params), any(1), floats.get_mut(..any(4)).unwrap_or_default())?;
    Ok(sum + f32::from(any(Kind::Run) == frame.header().kind) + bytes.len() as f32 + floats.iter().sum::<f32>())
}

fn modelled(topology: Topology<'_>, snapshot: &Snapshot, target: &mut Target) -> Result<f32, CheckpointError<()>> {
    let Snapshot { params, shift, factor, user, .. } = *snapshot;
    let identity: Identity<'_> = *snapshot.identity;
    let mut bytes = any([0; 1024]);
    let mut memory = Memory { bytes: bytes.get_mut(..any(1024)).unwrap_or_default(), len: any(0) };
    let model = Model { shift, factor, user, ..Model::new(topology, params) };
    save_model(&model, any(1), any(2), &mut memory)?;
    let (params, shift, factor, user) =
        (&mut *target.params, &mut *target.shift, &mut *target.factor, &mut *target.user);
    let mut loaded = ModelTarget { topology, params, shift, factor, user };
    let mut sum = (loaded.lengths().model_len() ^ model.lengths().model_len()) as f32 + identity.fingerprint() as f32;
    sum += of_header(&load_model(&mut memory, &mut loaded)?) + topology.fingerprint() as f32;
    // As one that is part of the program.
    let mut slice: &[u8] = memory.bytes;
    sum += told(load_model(&mut slice, &mut loaded).map(|header| of_header(&header)));
    sum += f32::from(loaded.model().network().is_ok());
    Ok(sum + f32::from(loaded.model().scaling().is_ok_and(|scaling| scaling.is_some())))
}

fn stored<F: NorFlash>(
    flash: F,
    snapshot: &Snapshot,
    target: &mut Target,
) -> Result<f32, CheckpointError<<F as ErrorType>::Error>> {
    let mut store = Store::new(flash, any(0), any(2048), any(&snapshot.lengths()))?;
    let mut sum = of_header(&store.save(snapshot)?) + store.header()?.as_ref().map_or(0.0, of_header);
    sum += of_header(&store.load(target)?) + of_loaded(target);
    sum += store.saves_per_erase() as f32 + of_wear(store.wear());
    Ok(sum + (store.flash().capacity() ^ store.flash_ref().capacity() ^ store.release().capacity()) as f32)
}

fn of_wear(wear: Wear) -> f32 {
    let planned = Wear::new(any(700), any(8192), any(1024), any(4)).map_or(0.0, |wear| wear.erases_per_save());
    wear.erases_per_save() + wear.lifetime(any(10_000), any(600)) as f32 + wear.saves_per_erase() as f32 + planned
}

fn promoted<F: NorFlash>(
    flash: F,
    topology: Topology<'_>,
    snapshot: &Snapshot,
    target: &mut Target,
) -> Result<f32, PromotionError<<F as ErrorType>::Error>> {
    let Snapshot { params, shift, factor, user, .. } = *snapshot;
    let model = Model { shift, factor, user, ..Model::new(topology, params) };
    let mut store = ModelStore::new(flash, any(0), any(2048), any(&model.lengths())).map_err(PromotionError::Store)?;
    let (params, shift, factor, user) =
        (&mut *target.params, &mut *target.shift, &mut *target.factor, &mut *target.user);
    let mut loaded = ModelTarget { topology, params, shift, factor, user };
    let rule = Promotion::new(any(Goal::Maximize), any(0.1)).map_err(PromotionError::Score)?;
    let rows = Rows { features: &[[any(0.0); 34]; 3], targets: &[[any(1.0)]; 3] };
    let mut tape = any([0.0; 99]);
    let tape = tape.get_mut(..any(99)).unwrap_or_default();
    let outcome = store.promote(&model, &mut loaded, &rule, |model| {
        let mut features = any([0.5; 34]);
        let one = model.predict(features.get_mut(..any(34)).unwrap_or_default(), tape)?.len();
        Ok(model.evaluate(&MeanSquaredError, &rows, tape)?.loss() + one as f32)
    })?;
    let mut sum = match outcome {
        Outcome::Promoted { before, candidate, header } => before.unwrap_or(0.0) + candidate + of_header(&header),
        Outcome::Kept { deployed, candidate } => deployed.unwrap_or(0.0) + candidate,
    };
    sum += f32::from(rule.is_better(any(0.1), any(None)));
    sum += of_header(&store.save(&model).map_err(PromotionError::Store)?);
    sum += of_header(&store.load(&mut loaded).map_err(PromotionError::Store)?);
    sum += of_header(&store.fall_back(&mut loaded).map_err(PromotionError::Store)?);
    sum += store.header().map_err(PromotionError::Store)?.as_ref().map_or(0.0, of_header) + of_wear(store.wear());
    Ok(sum + (store.flash().capacity() ^ store.flash_ref().capacity() ^ store.release().capacity()) as f32)
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
    Ok((flash.operations() ^ erases ^ flash.bytes_read()) as f32
        + f32::from(flash.is_off())
        + bytes.first().map_or(0.0, |&b| f32::from(b)))
}
