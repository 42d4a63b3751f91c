//! Thumb instructions, as far as [`Class`] tells them apart.
//!
//! Source of the encodings: Arm, ARMv7-M Architecture Reference Manual, chapters A5 and A6.

use crate::model::{Class, Instruction};

/// Decodes the instruction of `size` bytes, 2 or 4, that begins with `halves`.
pub fn decode(address: u64, halves: [u16; 2], size: usize) -> Instruction {
    let (class, result, reads) = if size == 2 { (narrow(halves[0]), None, 0) } else { wide(halves) };
    Instruction { address, size: size as u8, class, result, reads }
}

fn narrow(half: u16) -> Class {
    let loads = half & 0x0800 != 0;
    match half >> 12 {
        0x4 if half & 0xFF00 == 0x4700 => Class::Branch, // BX, BLX
        0x4 if loads => Class::Load,                     // literal
        0x5 if half >> 9 & 7 < 3 => Class::Store,
        0x6..=0x9 if !loads => Class::Store,
        0x5..=0x9 => Class::Load,
        0xB if half & 0xF500 == 0xB100 => Class::Branch, // CBZ, CBNZ
        0xB if half & 0xF600 == 0xB400 => Class::Multiple((half & 0x01FF).count_ones() as u8), // PUSH, POP
        0xC => Class::Multiple((half & 0x00FF).count_ones() as u8),
        0xD if half & 0x0E00 != 0x0E00 => Class::Branch,
        0xE => Class::Branch,
        _ => Class::Integer,
    }
}

/// The class, and of floating-point arithmetic the register it writes and those it reads.
fn wide([first, second]: [u16; 2]) -> (Class, Option<u8>, u32) {
    if first & 0xEC00 == 0xEC00 && matches!(second & 0x0F00, 0x0A00 | 0x0B00) {
        return float(first, second);
    }
    let class =
        match first {
            // B, BL, and what shares their space but hints and barriers.
            _ if first & 0xF800 == 0xF000 && second & 0x8000 != 0 => {
                if second & 0x5000 == 0 && first & 0x0380 == 0x0380 { Class::Integer } else { Class::Branch }
            }
            _ if first & 0xFE40 == 0xE800 => Class::Multiple(second.count_ones() as u8),
            _ if first & 0xFFF0 == 0xE8D0 && second & 0xFFE0 == 0xF000 => Class::Branch, // TBB, TBH
            _ if first & 0xFE40 == 0xE840 => Class::Multiple(2),                         // LDRD, STRD
            _ if first & 0xFE10 == 0xF810 => Class::Load,
            _ if first & 0xFE10 == 0xF800 => Class::Store,
            _ if first & 0xFFD0 == 0xFB90 => Class::Divide,
            _ => Class::Integer,
        };
    (class, None, 0)
}

fn float(first: u16, second: u16) -> (Class, Option<u8>, u32) {
    let single = |four: u16, one: u16| (four << 1 | one) as u8 & 31;
    let d = single(second >> 12, first >> 6 & 1);
    let n = single(first & 15, second >> 7 & 1);
    let m = single(second & 15, second >> 5 & 1);
    let bit = |register: u8| 1_u32 << register;
    if first & 0xFE00 == 0xEC00 {
        return match first & 0x01B0 {
            _ if first & 0x01E0 == 0x0040 => (Class::FloatMove, None, 0), // two core registers
            _ if first & 0x0130 == 0x0110 => (Class::FloatLoad, None, 0),
            _ if first & 0x0130 == 0x0100 => (Class::FloatStore, None, bit(d)),
            _ => (Class::Multiple((second & 0x00FF) as u8), None, 0),
        };
    }
    if second & 0x0010 != 0 {
        // Between a core register and S `n`, or the flags.
        return (Class::FloatMove, None, if first & 0x00F0 == 0x0010 { bit(n) } else { 0 });
    }
    match first >> 4 & 0xB {
        0 | 1 | 9 | 10 => (Class::FloatMultiplyAdd, Some(d), bit(d) | bit(n) | bit(m)),
        2 | 3 => (Class::FloatArithmetic, Some(d), bit(n) | bit(m)),
        8 => (Class::FloatDivide, Some(d), bit(n) | bit(m)),
        _ if second & 0x0040 == 0 => (Class::FloatMove, None, 0), // VMOV of a constant
        _ => match first & 15 {
            1 if second & 0x0080 != 0 => (Class::FloatDivide, Some(d), bit(m)), // VSQRT
            4 | 5 => (Class::FloatMove, None, bit(d) | bit(m)),                 // VCMP
            7..=15 => (Class::FloatMove, Some(d), bit(m)),                      // VCVT
            _ => (Class::FloatMove, None, bit(m)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(first: u16, second: u16) -> Class {
        decode(0, [first, second], if second == 0 { 2 } else { 4 }).class
    }

    #[test]
    fn tells_instructions_apart() {
        // As llvm-objdump shows them.
        assert_eq!(class(0x6801, 0), Class::Load); // ldr r1, [r0]
        assert_eq!(class(0x6001, 0), Class::Store); // str r1, [r0]
        assert_eq!(class(0xB1B8, 0), Class::Branch); // cbz r0, ..
        assert_eq!(class(0xBDF0, 0), Class::Multiple(5)); // pop {r4-r7, pc}
        assert_eq!(class(0xBF00, 0), Class::Integer); // nop
        assert_eq!(class(0x4770, 0), Class::Branch); // bx lr
        assert_eq!(class(0xF7FF, 0xFFFE), Class::Branch); // bl
        assert_eq!(class(0xF8D0, 0x1004), Class::Load); // ldr.w r1, [r0, #4]
        assert_eq!(class(0xF8C0, 0x1004), Class::Store); // str.w r1, [r0, #4]
        assert_eq!(class(0xE9D0, 0x1200), Class::Multiple(2)); // ldrd r1, r2, [r0]
        assert_eq!(class(0xE92D, 0x4FF0), Class::Multiple(9)); // push.w {r4-r11, lr}
        assert_eq!(class(0xFB90, 0xF0F1), Class::Divide); // sdiv r0, r0, r1
        assert_eq!(class(0xEEB4, 0x0A60), Class::FloatMove); // vcmp.f32 s0, s1
        assert_eq!(class(0xEEF1, 0xFA10), Class::FloatMove); // vmrs
        assert_eq!(class(0xEDA0, 0x0A00), Class::Multiple(0)); // vstmdb of nothing
        assert_eq!(class(0xEEB1, 0x0AE0), Class::FloatDivide); // vsqrt.f32 s0, s1
    }

    #[test]
    fn knows_what_arithmetic_reads_and_writes() {
        // vmla.f32 s0, s1, s2
        let vmla = decode(0, [0xEE00, 0x0A81], 4);
        assert_eq!((vmla.result, vmla.reads), (Some(0), 0b111));
        // vmul.f32 s17, s1, s2
        let vmul = decode(0, [0xEE60, 0x8A81], 4);
        assert_eq!((vmul.result, vmul.reads), (Some(17), 0b110));
    }
}
