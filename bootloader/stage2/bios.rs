//! BIOS calls from 64-bit mode; the way there and back is in `real/modes.s`.

/// Room below 64 KiB, which a BIOS call reaches with DS = ES = 0.
pub const LOW_BUFFER_SIZE: usize = 32;
pub const REGISTERS_SIZE: usize = size_of::<Registers>();

const CARRY: u32 = 1;

/// What goes into a BIOS call, and what comes back.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
    pub flags: u32,
}

unsafe extern "C" {
    fn bios_call(registers: *mut Registers, vector_address: u64);
    static mut low_buffer: [u8; LOW_BUFFER_SIZE];
}

impl Registers {
    /// Runs interrupt VECTOR with these registers; true where the carry flag came back clear.
    pub fn call(&mut self, vector: u8) -> bool {
        // SAFETY: the assembly keeps what the ABI wants kept. The BIOS writes to its own memory and to the buffers that
        // the registers name: the low buffer and the bounce buffer, to which no reference is held.
        unsafe { bios_call(self, u64::from(vector) * 4) };
        self.flags & CARRY == 0
    }

    /// The status in AH.
    pub fn status(&self) -> u8 {
        (self.eax >> 8) as u8
    }
}

/// Writes VALUE to the low buffer and returns its address.
pub fn lend<T: Copy>(value: T) -> u32 {
    const { assert!(size_of::<T>() <= LOW_BUFFER_SIZE) };
    let buffer = &raw mut low_buffer;
    // SAFETY: it fits, and there is no reference to the buffer.
    unsafe { buffer.cast::<T>().write_unaligned(value) };
    buffer as usize as u32
}

/// What a BIOS call left in the low buffer.
pub fn take_back<T: Copy>() -> T {
    const { assert!(size_of::<T>() <= LOW_BUFFER_SIZE) };
    // SAFETY: as for `lend`; T is a plain structure of integers, for which all bytes are values.
    unsafe { (&raw const low_buffer).cast::<T>().read_unaligned() }
}
