//! A QEMU plugin (TCG plugin API, version 1) that counts instructions and modelled Cortex-M4F cycles between two marks.
//!
//! The guest marks a region with two hints that do nothing on a Cortex-M: `.inst.n 0xbf50` begins, `.inst.n 0xbf60` ends. Every
//! region appends a line to the file the argument `out=` names: its instructions and its cycles. `microfit bench --training`
//! builds and loads it; the counts are exact and do not depend on the host.

pub mod decode;
pub mod model;

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use decode::decode;
use model::{Instruction, Pipeline};

/// The version of QEMU's interface this is written for.
// SAFETY: nothing else in this library has the name.
#[allow(non_upper_case_globals)]
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

type Translated = unsafe extern "C" fn(u64, *mut c_void);
type Executed = unsafe extern "C" fn(c_uint, *mut c_void);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, callback: Translated);
    fn qemu_plugin_register_vcpu_insn_exec_cb(insn: *mut c_void, callback: Executed, flags: c_int, data: *mut c_void);
    fn qemu_plugin_tb_n_insns(block: *const c_void) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const c_void, index: usize) -> *mut c_void;
    fn qemu_plugin_insn_data(insn: *const c_void) -> *const u8;
    fn qemu_plugin_insn_size(insn: *const c_void) -> usize;
    fn qemu_plugin_insn_vaddr(insn: *const c_void) -> u64;
}

/// What is counted, and where it is written.
struct Counter {
    counting: bool,
    pipeline: Pipeline,
    out: File,
}

/// One for the process: a Cortex-M has one core, and QEMU calls back from its thread alone.
static COUNTER: AtomicPtr<Counter> = AtomicPtr::new(null_mut());

/// An instruction as the guest may execute it.
enum Met {
    Begin,
    End,
    Other(Instruction),
}

/// QEMU's entry.
///
/// # Safety
/// Called by QEMU, with `argc` strings at `argv`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    for k in 0..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: QEMU hands over that many strings.
        let argument = unsafe { CStr::from_ptr(*argv.add(k)) }.to_string_lossy();
        if let Some(path) = argument.strip_prefix("out=") {
            let Ok(out) = File::create(path) else { return 1 };
            let counter = Counter { counting: false, pipeline: Pipeline::default(), out };
            // It lives as long as the process.
            COUNTER.store(Box::into_raw(Box::new(counter)), Ordering::Release);
            // SAFETY: as QEMU's header declares it.
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
            return 0;
        }
    }
    1
}

unsafe extern "C" fn translated(_id: u64, block: *mut c_void) {
    // SAFETY: QEMU's own block, for the time of this call, asked as its header declares it.
    unsafe {
        for index in 0..qemu_plugin_tb_n_insns(block) {
            let insn = qemu_plugin_tb_get_insn(block, index);
            let (data, size) = (qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));
            let half = |at: usize| u16::from_le_bytes([*data.add(at), *data.add(at + 1)]);
            let halves = [half(0), if size == 4 { half(2) } else { 0 }];
            let met = match halves {
                [0xBF50, _] if size == 2 => Met::Begin,
                [0xBF60, _] if size == 2 => Met::End,
                _ => Met::Other(decode(qemu_plugin_insn_vaddr(insn), halves, size)),
            };
            // Never freed: code is translated a few times at most.
            let data = Box::into_raw(Box::new(met)).cast();
            qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, data);
        }
    }
}

unsafe extern "C" fn executed(_cpu: c_uint, met: *mut c_void) {
    // SAFETY: made in `translated`, and the counter in `qemu_plugin_install`; one thread only.
    let (met, counter) = unsafe { (&*met.cast::<Met>(), &mut *COUNTER.load(Ordering::Acquire)) };
    match met {
        Met::Begin => (counter.counting, counter.pipeline) = (true, Pipeline::default()),
        Met::End if counter.counting => {
            counter.counting = false;
            let Pipeline { instructions, cycles, .. } = counter.pipeline;
            // There is nobody to tell if it fails; the reader misses the line.
            let _ = writeln!(counter.out, "{instructions} {cycles}").and_then(|()| counter.out.flush());
        }
        Met::Other(instruction) if counter.counting => counter.pipeline.execute(instruction),
        Met::End | Met::Other(_) => {}
    }
}
