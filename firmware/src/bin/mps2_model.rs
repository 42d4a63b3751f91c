//! A model that comes from elsewhere, on Arm's MPS2: takes it from the first file that the emulator is given, predicts, gives it back
//! in the second, trains on from it for an epoch, and gives what came of it in the third. `tests/tests/conversion.rs` builds
//! it, gives it a model of PyTorch, and reads what it logs and leaves.

#![no_std]
#![no_main]

use microfit::checkpoint::{ModelTarget, load_model, save_model};
use microfit::data::{Dataset, Ionosphere, Nothing};
use microfit::optimizer::Sgd;
use microfit::tutorial::{self, NET};
use microfit::{Fit, weights_hash};
use microfit_firmware::SEED;
use semihosting::experimental::env;

#[path = "../emulated/frame_file.rs"]
mod frame_file;
#[path = "../emulated/semihosted.rs"]
mod semihosted;

use frame_file::FrameFile;

/// Every so many rows of the data, one is predicted.
const STRIDE: usize = 22;

/// What went wrong, and where.
struct Failure(&'static str);

fn work(params: &mut [f32; NET.param_len()], workspace: &mut [f32; NET.workspace_len::<Sgd>()]) -> Result<(), Failure> {
    let arguments = env::args::<1024>().map_err(|_| Failure("arguments"))?;
    let mut paths = (&arguments).skip(1).filter_map(Result::ok);
    let (Some(from), Some(back), Some(trained)) = (paths.next(), paths.next(), paths.next()) else {
        return Err(Failure("expected three files"));
    };
    let mut source = FrameFile::open(from).map_err(|_| Failure("opening the model"))?;
    let mut target = ModelTarget { topology: NET, params, shift: &mut [], factor: &mut [], user: &mut [] };
    load_model(&mut source, &mut target).map_err(|_| Failure("loading the model"))?;

    let network = target.model().network().map_err(|_| Failure("the network"))?;
    for index in (0..Ionosphere.len()).step_by(STRIDE) {
        let (mut features, mut target) = ([0.0; 34], [0.0]);
        Ionosphere.read(index, &mut features, &mut target).map_err(|_| Failure("a sample"))?;
        let output = network.predict(&features, workspace).map_err(|_| Failure("predicting"))?;
        let bits = output.first().map_or(0, |output| output.to_bits());
        defmt::info!("prediction index={=usize} bits={=u32}", index, bits);
    }
    let mut sink = FrameFile::create(back).map_err(|_| Failure("creating the file to give back"))?;
    save_model(&target.model(), 0, 0, &mut sink).map_err(|_| Failure("giving the model back"))?;

    let fit = Fit { epochs: 1, ..tutorial::time_based(SEED) };
    let (train, _) = tutorial::split().map_err(|_| Failure("the data"))?;
    let trainer = fit.start(target.params, workspace);
    trainer.and_then(|mut trainer| trainer.run(&train, &Nothing)).map_err(|_| Failure("training"))?;
    let mut sink = FrameFile::create(trained).map_err(|_| Failure("creating the file of the trained model"))?;
    save_model(&target.model(), 1, 0, &mut sink).map_err(|_| Failure("saving the trained model"))?;
    defmt::info!("trained hash={=u64:#018x}", weights_hash(target.params));
    Ok(())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    if let Err(Failure(what)) = work(PARAMS, WORKSPACE) {
        defmt::error!("failed: {=str}", what);
        semihosted::give_up()
    }
    semihosted::finish()
}
