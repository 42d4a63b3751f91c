//! One number that says whether two sets of weights are the same to the bit.

/// FNV-1a, 64 bits, over the little-endian bytes of the weights (Fowler, Noll and Vo; draft-eastlake-fnv).
///
/// Equal hashes on a board and on the desk mean that they computed the same bits. It is no protection against
/// corruption: checkpoints have a CRC.
///
/// ```
/// assert_eq!(microfit::weights_hash(&[]), 0xcbf2_9ce4_8422_2325);
/// assert_ne!(microfit::weights_hash(&[0.0]), microfit::weights_hash(&[-0.0]));
/// ```
pub fn weights_hash(weights: &[f32]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for weight in weights {
        for byte in weight.to_bits().to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_fnv_1a() {
        // "foobar" hashes to 0x85944171f73967e8 in the authors' test vectors; its first four bytes are an f32.
        let foob = f32::from_bits(u32::from_le_bytes(*b"foob"));
        let mut hash = weights_hash(&[foob]);
        for byte in *b"ar" {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        assert_eq!(hash, 0x8594_4171_f739_67e8);
    }
}
