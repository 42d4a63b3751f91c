//! The application itself.

use core::fmt;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use microfit::data::{Dataset, Digits, Order};
use microfit::loss::Loss;
use microfit::optimizer::Optimizer;
use microfit::schedule::Schedule;
use microfit::{Event, Fit, digits, tutorial, weights_hash};

use crate::record::{History, Record};
use crate::report::Report;

/// Trains, and shows it: the LED changes with every epoch, and blinks three times when a run is over.
pub struct App<L, D, R> {
    led: L,
    delay: D,
    pub(crate) report: R,
    pub(crate) history: History,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// [`weights_hash`] of the trained parameters.
    pub hash: u64,
    /// The last epoch.
    pub last: Record,
    /// The best epoch of the whole run, judged as [`History::best`] judges; of a run that was resumed, the best of all its boots.
    pub best: Record,
}

/// Why a run did not end well.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure<E> {
    /// Training failed.
    Training(microfit::Error),
    /// The LED's pin failed.
    Led(E),
}

impl<E> From<microfit::Error> for Failure<E> {
    fn from(error: microfit::Error) -> Self {
        Self::Training(error)
    }
}

impl<E: fmt::Debug> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Training(error) => error.fmt(f),
            Self::Led(error) => write!(f, "LED: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Failure<E> {}

const BLINKS: u32 = 3;
const BLINK_MS: u32 = 50;

impl<L: OutputPin, D: DelayNs, R: Report> App<L, D, R> {
    /// An application with its LED, its clock, and somebody who is told.
    pub fn new(led: L, delay: D, report: R) -> Self {
        Self { led, delay, report, history: History::default() }
    }

    /// Trains the tutorial's two experiments one after the other in the same buffers, each from the same weights.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn tutorial(
        &mut self,
        seed: u32,
        params: &mut [f32],
        workspace: &mut [f32],
    ) -> Result<[Outcome; 2], Failure<L::Error>> {
        let (train, validation) = tutorial::split()?;
        tutorial::INIT.fill(&tutorial::NET, seed, params)?;
        let time = self.train("time_based", tutorial::time_based(seed), &train, &validation, params, workspace)?;
        tutorial::INIT.fill(&tutorial::NET, seed, params)?;
        let drop = self.train("drop_based", tutorial::drop_based(seed), &train, &validation, params, workspace)?;
        Ok([time, drop])
    }

    /// Trains handwritten digits, which are validated on as they are trained on.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn digits(
        &mut self,
        seed: u32,
        params: &mut [f32],
        workspace: &mut [f32],
    ) -> Result<Outcome, Failure<L::Error>> {
        digits::INIT.fill(&digits::NET, seed, params)?;
        self.train("digits", digits::experiment(), &Digits, &Digits, params, workspace)
    }

    /// One training run from the given parameters.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn train<C: Loss, O: Optimizer, S: Schedule, I: Order>(
        &mut self,
        experiment: &'static str,
        fit: Fit<'_, C, O, S, I>,
        train: &impl Dataset,
        validation: &impl Dataset,
        params: &mut [f32],
        workspace: &mut [f32],
    ) -> Result<Outcome, Failure<L::Error>> {
        self.report.begin(experiment);
        self.history.clear();
        let mut trainer = fit.start(params, workspace)?;
        let mut last = None;
        loop {
            match trainer.step(train, validation)? {
                Event::Epoch(epoch) => {
                    let record = Record::from(&epoch);
                    self.light(epoch.epoch % 2 == 0)?;
                    self.report.epoch(experiment, &record);
                    self.history.push(record);
                    last = Some(record);
                }
                Event::Done => break,
                // A real control loop would do its own work here: a step is short.
                _ => {}
            }
        }
        // A run has at least one epoch.
        let last = last.ok_or(microfit::Error::DatasetEmpty)?;
        let best = self.history.best().copied().unwrap_or(last);
        let outcome = Outcome { hash: weights_hash(trainer.params()), last, best };
        self.report.end(experiment, &outcome);
        self.blink()?;
        Ok(outcome)
    }

    /// The epochs of the last run since this boot: what was trained before it was resumed is only in [`Outcome`].
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Gives the parts back.
    pub fn release(self) -> (L, D, R) {
        (self.led, self.delay, self.report)
    }

    pub(crate) fn light(&mut self, on: bool) -> Result<(), Failure<L::Error>> {
        if on { self.led.set_high() } else { self.led.set_low() }.map_err(Failure::Led)
    }

    pub(crate) fn blink(&mut self) -> Result<(), Failure<L::Error>> {
        for _ in 0..BLINKS {
            self.light(true)?;
            self.delay.delay_ms(BLINK_MS);
            self.light(false)?;
            self.delay.delay_ms(BLINK_MS);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::delay::{CheckedDelay, NoopDelay, Transaction as Wait};
    use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction};
    use microfit::Topology;
    use microfit::data::{Nothing, Rows, Sequential};
    use microfit::loss::MeanSquaredError;
    use microfit::optimizer::OnlineSgd;
    use microfit::schedule::Constant;
    use microfit::{Clock, activation::Linear, dense};
    use std::{vec, vec::Vec};

    use super::*;

    /// Remembers what it was told.
    #[derive(Default)]
    struct Told {
        begun: Vec<&'static str>,
        epochs: Vec<Record>,
        ended: Vec<Outcome>,
    }

    impl Report for Told {
        fn begin(&mut self, experiment: &'static str) {
            self.begun.push(experiment);
        }

        fn epoch(&mut self, _experiment: &'static str, record: &Record) {
            self.epochs.push(*record);
        }

        fn end(&mut self, _experiment: &'static str, outcome: &Outcome) {
            self.ended.push(*outcome);
        }
    }

    const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);

    fn fit(epochs: u32) -> Fit<'static, MeanSquaredError, OnlineSgd, Constant, Sequential> {
        Fit {
            topology: NET,
            loss: MeanSquaredError,
            optimizer: OnlineSgd,
            schedule: Constant::new(0.1).unwrap(),
            clock: Clock::Update,
            order: Sequential,
            batch: 1,
            epochs,
        }
    }

    const LINE: Rows<1, 1> = Rows { features: &[[0.0], [1.0]], targets: &[[1.0], [3.0]] };

    fn buffers() -> ([f32; NET.param_len()], [f32; NET.workspace_len::<OnlineSgd>()]) {
        ([0.0; NET.param_len()], [0.0; NET.workspace_len::<OnlineSgd>()])
    }

    #[test]
    fn lights_the_led_epoch_by_epoch_and_blinks_at_the_end() {
        let states = [true, false, true, true, false, true, false, true, false];
        let pins: Vec<_> =
            states.map(|on| Transaction::set(if on { State::High } else { State::Low })).into_iter().collect();
        let waits = vec![Wait::delay_ms(BLINK_MS); 6];
        let mut app = App::new(Pin::new(&pins), CheckedDelay::new(&waits), Told::default());
        let (mut params, mut workspace) = buffers();
        let outcome = app.train("line", fit(3), &LINE, &Nothing, &mut params, &mut workspace).unwrap();
        assert_eq!(app.history().records().len(), 3);
        assert_eq!(outcome.hash, weights_hash(&params));
        let (mut led, mut delay, told) = app.release();
        led.done();
        delay.done();
        assert_eq!((told.begun, told.epochs.len(), told.ended), (vec!["line"], 3, vec![outcome]));
        assert!(told.epochs[2].loss < told.epochs[0].loss);
    }

    #[test]
    fn says_what_failed() {
        let broken = [Transaction::set(State::High).with_error(MockError::Io(std::io::ErrorKind::NotConnected))];
        let mut app = App::new(Pin::new(&broken), NoopDelay::new(), Told::default());
        let (mut params, mut workspace) = buffers();
        let failure = app.train("line", fit(1), &LINE, &Nothing, &mut params, &mut workspace);
        assert!(matches!(failure, Err(Failure::Led(_))), "{failure:?}");
        app.release().0.done();

        let mut app = App::new(Pin::new(&[]), NoopDelay::new(), Told::default());
        let poisoned = Rows { features: &[[f32::NAN]], targets: &[[0.0]] };
        let failure = app.train("line", fit(1), &poisoned, &Nothing, &mut params, &mut workspace);
        assert!(matches!(failure, Err(Failure::Training(microfit::Error::SampleNotFinite { index: 0, .. }))));
        app.release().0.done();
    }

    #[test]
    fn trains_the_tutorials_two_experiments() {
        let pins: Vec<_> = (0..2)
            .flat_map(|_| (0..50).map(|epoch| epoch % 2 == 0).chain([true, false, true, false, true, false]))
            .map(|on| Transaction::set(if on { State::High } else { State::Low }))
            .collect();
        let mut app = App::new(Pin::new(&pins), NoopDelay::new(), Told::default());
        let mut params = [0.0; tutorial::NET.param_len()];
        let mut workspace = [0.0; tutorial::NET.workspace_len::<microfit::optimizer::Sgd>()];
        let outcomes = app.tutorial(crate::SEED, &mut params, &mut workspace).unwrap();
        let (mut led, _, told) = app.release();
        led.done();
        assert_eq!(told.begun, ["time_based", "drop_based"]);
        for outcome in outcomes {
            assert!(outcome.last.validation_accuracy > Some(0.97) && outcome.last.epoch == 49, "{outcome:?}");
        }
        assert_eq!(outcomes[1].hash, weights_hash(&params));
    }
}
