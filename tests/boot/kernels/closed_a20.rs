//! An MBR for a machine that starts with address line A20 closed: it closes the line, by port 0x92 or, with
//! `--cfg by_keyboard`, by the keyboard controller, and runs the boot code in the sector that the packet at 0x7df0 names.
//! With `--cfg no_bios` the BIOS does not open it again: INT 15h, AH=24h fails.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[cfg(not(by_keyboard))]
core::arch::global_asm!(".set BY_KEYBOARD, 0");
#[cfg(by_keyboard)]
core::arch::global_asm!(".set BY_KEYBOARD, 1");
#[cfg(not(no_bios))]
core::arch::global_asm!(".set NO_BIOS, 0");
#[cfg(no_bios)]
core::arch::global_asm!(".set NO_BIOS, 1");

core::arch::global_asm!(
    r#"
    .section .text._start, "awx"
    .code16
    .globl _start
_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    movw $0x7c00, %si           # out of the way, to 0x600
    movw $0x600, %di
    movw $256, %cx
    cld
    rep movsw
    ljmpw $0, $moved - 0x7c00 + 0x600
moved:
    movw $0x600 + 0x1f0, %si
    movb $0x42, %ah
    int $0x13                   # the boot code to 0x7c00
    jc stop
    .if NO_BIOS
    movl 0x15 * 4, %eax
    movl %eax, old - 0x7c00 + 0x600
    movl $hook - 0x7c00 + 0x600, 0x15 * 4
    .endif
    cli
    .if BY_KEYBOARD
    movb $0xd1, %al
    outb %al, $0x64
1:  inb $0x64, %al
    testb $2, %al
    jnz 1b
    movb $0xdd, %al
    outb %al, $0x60
2:  inb $0x64, %al
    testb $2, %al
    jnz 2b
    .else
    inb $0x92, %al
    andb $0xfc, %al
    outb %al, $0x92
    .endif
    ljmpw $0, $0x7c00
stop:
    hlt
    jmp stop
hook:
    cmpb $0x24, %ah
    jne 3f
    pushw %bp
    movw %sp, %bp
    orb $1, 6(%bp)              # carry: not supported
    popw %bp
    iretw
3:  .byte 0xea                  # jmp to the BIOS's own
old:
    .long 0
    .code64
    .text
"#,
    options(att_syntax)
);
