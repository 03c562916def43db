//! The memory map's entries.

/// A piece of physical memory: whole pages of 4096 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct MemoryRegion {
    /// Physical address of its first byte.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// A [`MemoryKind`] as its number; see [`MemoryRegion::kind`].
    pub raw_kind: u32,
    /// The extended attributes that ACPI 3.0 firmware told (bit 1: non-volatile), otherwise 1.
    pub attributes: u32,
}

impl MemoryRegion {
    /// The address after its last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.base + self.length
    }

    /// What it is used for; [`MemoryKind::Reserved`] for a number that this crate does not know.
    #[must_use]
    pub fn kind(&self) -> MemoryKind {
        MemoryKind::from_raw(self.raw_kind)
    }
}

/// What a piece of memory is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MemoryKind {
    /// Free for the kernel.
    Usable = 1,
    /// Not for use: firmware's or a device's.
    Reserved = 2,
    /// Holds ACPI tables; free once the kernel has read them.
    AcpiReclaimable = 3,
    /// Firmware's, kept over sleep.
    AcpiNvs = 4,
    /// Found broken.
    Bad = 5,
    /// The loader: its exception handlers, GDT, TSS and IDT; free once the kernel uses its own of them.
    LoaderReclaimable = 16,
    /// The kernel's segments.
    Kernel = 17,
    /// The stack that the kernel was entered on.
    KernelStack = 18,
    /// The page tables that the kernel was entered with.
    PageTables = 19,
    /// The boot information record.
    BootInfo = 20,
    /// The kernel's ELF file, of which the segments are copies; free if the kernel does not need it.
    KernelImage = 21,
}

impl MemoryKind {
    /// The kind with number RAW; [`MemoryKind::Reserved`] if there is none.
    #[must_use]
    pub fn from_raw(raw: u32) -> MemoryKind {
        use MemoryKind::*;
        [
            Usable,
            AcpiReclaimable,
            AcpiNvs,
            Bad,
            LoaderReclaimable,
            Kernel,
            KernelStack,
            PageTables,
            BootInfo,
            KernelImage,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == raw)
        .unwrap_or(Reserved)
    }
}
