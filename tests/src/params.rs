//! A recorded call's arguments, each of which has to be used.

#![allow(clippy::missing_panics_doc)] // a test fails then

use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The arguments of one call.
pub struct Params {
    map: Map<String, Value>,
    used: RefCell<BTreeSet<String>>,
}

impl Params {
    /// Those of a JSON map.
    pub fn new(value: &Value) -> Self {
        Self { map: value.as_object().expect("params").clone(), used: RefCell::default() }
    }

    /// The argument as it stands, `None` where it is missing or null.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.used.borrow_mut().insert(name.to_owned());
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A number, `None` where it is missing or null.
    pub fn maybe(&self, name: &str) -> Option<f64> {
        self.raw(name).map(|value| number(value).unwrap_or_else(|| panic!("{name}: {value} is no number")))
    }

    /// A number, or the default.
    pub fn or(&self, name: &str, default: f64) -> f64 {
        self.maybe(name).unwrap_or(default)
    }

    /// A number that has to be there.
    pub fn f64(&self, name: &str) -> f64 {
        self.maybe(name).unwrap_or_else(|| panic!("{name}: missing"))
    }

    /// A count, `None` where it is missing.
    pub fn maybe_steps(&self, name: &str) -> Option<u32> {
        self.maybe(name).map(|value| {
            // The libraries take a negative length for none.
            let value = value.max(0.0);
            assert_eq!(value.fract(), 0.0, "{name}: not whole");
            value as u32
        })
    }

    /// A count, or the default.
    pub fn steps_or(&self, name: &str, default: u32) -> u32 {
        self.maybe_steps(name).unwrap_or(default)
    }

    /// A count that has to be there.
    pub fn steps(&self, name: &str) -> u32 {
        self.maybe_steps(name).unwrap_or_else(|| panic!("{name}: missing"))
    }

    /// A switch, or the default.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.raw(name).map_or(default, |value| value.as_bool().unwrap_or_else(|| number(value) != Some(0.0)))
    }

    /// A text, or the default.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.raw(name).map_or(default, |value| value.as_str().unwrap_or_else(|| panic!("{name}: {value} is no text")))
    }

    /// A list, empty where it is missing.
    pub fn list<T>(&self, name: &str, item: impl Fn(&Value) -> T) -> &'static [T] {
        let list = self.raw(name).map_or(&[][..], |value| value.as_array().expect("a list"));
        Box::leak(list.iter().map(item).collect())
    }

    /// A list of counts.
    pub fn step_list(&self, name: &str) -> &'static [u32] {
        self.list(name, |value| number(value).expect("a number").floor() as u32)
    }

    /// A list of numbers.
    pub fn f64_list(&self, name: &str) -> &'static [f64] {
        self.list(name, |value| number(value).expect("a number"))
    }

    /// `{"50": 0.5}`, sorted.
    pub fn scales(&self, name: &str) -> &'static [(u32, f64)] {
        let mut scales: Vec<(u32, f64)> = self
            .raw(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.parse().expect("a step"), number(value).expect("a number")))
            .collect();
        scales.sort_by_key(|&(step, _)| step);
        Box::leak(scales.into_boxed_slice())
    }

    /// Arguments that change nothing here.
    pub fn ignore(&self, names: &[&str]) {
        for name in names {
            self.raw(name);
        }
    }

    /// Fails the test for an argument nobody asked for.
    pub fn all_used(&self, id: &str) {
        for name in self.map.keys() {
            assert!(self.used.borrow().contains(name), "{id}: parameter {name} is not understood");
        }
    }
}

/// A number, where Python's infinities and NaN are spelled as strings.
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).or_else(|| value.as_bool().map(f64::from))
}
