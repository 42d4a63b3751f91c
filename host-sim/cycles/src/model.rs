//! What an instruction takes on a Cortex-M4F with memory that never makes it wait.
//!
//! Source: Arm, Cortex-M4 Technical Reference Manual, tables 3-1 and 7-1. Where the manual gives a range, as for divisions,
//! the middle is taken; a taken branch refills the pipeline in 2 cycles. No flash wait states and no cache: it serves to
//! compare programs, not to predict a board.

/// What matters of an instruction to the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Integer arithmetic, moves, hints.
    Integer,
    /// A load of one word or less: 2 cycles, 1 right behind another load.
    Load,
    /// A store of one word or less: 1, by the write buffer.
    Store,
    /// As many words: 1 and 1 a word.
    Multiple(u8),
    /// A branch, which costs 2 more if taken.
    Branch,
    /// An integer division.
    Divide,
    /// `VLDR`, as [`Self::Load`].
    FloatLoad,
    /// `VSTR`.
    FloatStore,
    /// `VMLA` and its kin, fused or not.
    FloatMultiplyAdd,
    /// `VADD`, `VSUB`, `VMUL`.
    FloatArithmetic,
    /// `VDIV`, `VSQRT`.
    FloatDivide,
    /// Moves, comparisons, conversions.
    FloatMove,
}

/// A decoded instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Where it stands.
    pub address: u64,
    /// Bytes it has.
    pub size: u8,
    /// What it is.
    pub class: Class,
    /// The S register that floating-point arithmetic writes.
    pub result: Option<u8>,
    /// The S registers it reads, a bit each.
    pub reads: u32,
}

/// Counts so far, and the instruction before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pipeline {
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles they took.
    pub cycles: u64,
    before: Option<Instruction>,
}

impl Pipeline {
    /// Takes one instruction in.
    pub fn execute(&mut self, instruction: &Instruction) {
        let mut cycles = match instruction.class {
            Class::Integer | Class::Store | Class::Branch | Class::FloatArithmetic | Class::FloatMove => 1,
            Class::Load | Class::FloatLoad | Class::FloatStore => 2,
            Class::FloatMultiplyAdd => 3,
            Class::Divide => 7,
            Class::FloatDivide => 14,
            Class::Multiple(words) => 1 + u64::from(words),
        };
        if let Some(before) = self.before {
            let is_load = |class| matches!(class, Class::Load | Class::FloatLoad);
            if is_load(before.class) && is_load(instruction.class) {
                cycles = 1;
            }
            if before.class == Class::Branch && before.address + u64::from(before.size) != instruction.address {
                cycles += 2;
            }
            if before.result.is_some_and(|result| instruction.reads >> result & 1 == 1) {
                // A result is not there for the next instruction.
                cycles += 1;
            }
        }
        self.instructions += 1;
        self.cycles += cycles;
        self.before = Some(*instruction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::decode;

    fn cycles(code: &[[u16; 2]]) -> u64 {
        let mut pipeline = Pipeline::default();
        let mut address = 0;
        for halves in code {
            let size = if halves[1] == 0 { 2 } else { 4 };
            pipeline.execute(&decode(address, *halves, size));
            address += size as u64;
        }
        pipeline.cycles
    }

    #[test]
    fn follows_the_manual() {
        let (vldr_s0, vldr_s1) = ([0xED90, 0x0A00], [0xEDD0, 0x0A01]);
        let (vmla_s0, vmul_s0, vadd_s2_s0) = ([0xEE00, 0x0A81], [0xEE20, 0x0A81], [0xEE30, 0x1A01]);
        assert_eq!(cycles(&[vldr_s0]), 2);
        assert_eq!(cycles(&[vldr_s0, vldr_s1]), 3);
        assert_eq!(cycles(&[vmla_s0]), 3);
        assert_eq!(cycles(&[vmul_s0, vadd_s2_s0]), 3);
        // vldmia r0!, {s0-s3}; vdiv; push {r4, r5, lr}
        assert_eq!(cycles(&[[0xECB0, 0x0A04]]), 5);
        assert_eq!(cycles(&[[0xEE80, 0x0A21]]), 14);
        assert_eq!(cycles(&[[0xB530, 0]]), 4);
    }

    #[test]
    fn a_taken_branch_refills() {
        let branch = decode(0, [0xD0FE, 0], 2);
        let mut pipeline = Pipeline::default();
        pipeline.execute(&branch);
        pipeline.execute(&decode(0, [0xBF00, 0], 2));
        assert_eq!((pipeline.instructions, pipeline.cycles), (2, 4));
        let mut pipeline = Pipeline::default();
        pipeline.execute(&branch);
        pipeline.execute(&decode(2, [0xBF00, 0], 2));
        assert_eq!(pipeline.cycles, 2);
    }
}
