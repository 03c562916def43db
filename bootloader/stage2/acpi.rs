//! Finds the ACPI root pointer where a BIOS leaves it.

const SIGNATURE: u64 = u64::from_le_bytes(*b"RSD PTR ");
const SIZE: usize = 20; // of the part that its first checksum covers
const BIOS_EBDA_SEGMENT: usize = 0x40e;
const EBDA_SEARCHED: usize = 1024;
const BIOS_AREA: (usize, usize) = (0xe0000, 0x100000);

/// Its physical address, or zero.
pub fn root_pointer() -> u64 {
    // SAFETY: the BIOS data area is ordinary memory in every PC.
    let ebda = usize::from(unsafe { (BIOS_EBDA_SEGMENT as *const u16).read_volatile() }) << 4;
    search(ebda, ebda + EBDA_SEARCHED).or_else(|| search(BIOS_AREA.0, BIOS_AREA.1)).unwrap_or(0) as u64
}

fn search(start: usize, end: usize) -> Option<usize> {
    (start.max(16)..end.min(BIOS_AREA.1) - SIZE).step_by(16).find(|address| {
        // SAFETY: below 1 MiB, not at address zero; reading there has no effect.
        let (start, bytes) = unsafe { (*(*address as *const u64), &*(*address as *const [u8; SIZE])) };
        start == SIGNATURE && bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
    })
}
