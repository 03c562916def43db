//! An MBR that makes an odd machine of a good one, by `--cfg` of what is odd, and then runs the boot code in the sector
//! that the packet at 0x7de0 names, as the BIOS would. Its hooks stay at 0x600, below what the loader uses.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

macro_rules! assemble {
    (switches: [$($name:ident)*], $code:literal) => {
        core::arch::global_asm!(
            $(concat!(".set ", stringify!($name), ", {", stringify!($name), "}"),)*
            $code,
            $($name = const cfg!($name) as u8,)*
            options(att_syntax)
        );
    };
}

assemble! {
    switches: [
        a20_closed_by_port a20_closed_by_keyboard no_a20_call
        no_lba every_other_read_fails at_most_8_sectors bad_sector large_sectors no_drive_parameters
        no_map endless_map map_without_memory untidy_map long_map
    ],
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
    movw %sp, %si               # out of the way, to 0x600
    movw $0x600, %di
    movw $256, %cx
    cld
    rep movsw
    ljmpw $0, $moved - 0x7600
moved:
    movw $0x600 + 0x1e0, %si
    movb $0x42, %ah
    int $0x13                   # the boot code to 0x7c00
    movl 0x13 * 4, %eax
    movl %eax, disk_bios - 0x7600
    movl 0x15 * 4, %eax
    movl %eax, system_bios - 0x7600
    movl $disk_hook - 0x7600, 0x13 * 4
    movl $system_hook - 0x7600, 0x15 * 4
    .if a20_closed_by_keyboard
    cli
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
    .endif
    .if a20_closed_by_port
    inb $0x92, %al
    andb $0xfc, %al
    outb %al, $0x92
    .endif
    ljmpw $0, $0x7c00

disk_hook:
    .if no_lba
    cmpb $0x41, %ah
    je fail
    .endif
    .if every_other_read_fails
    cmpb $0x42, %ah
    jne 1f
    xorb $1, flip - 0x7600
    jnz fail
1:
    .endif
    .if at_most_8_sectors
    cmpb $0x42, %ah
    jne 1f
    cmpw $8, 2(%si)
    ja fail
1:
    .endif
    .if bad_sector              # 100
    cmpb $0x42, %ah
    jne 1f
    pushw %ax
    movw $100, %ax
    subw 8(%si), %ax            # carry: it begins behind
    jc 2f
    cmpw 2(%si), %ax
    popw %ax
    jb fail
    jmp 1f
2:  popw %ax
1:
    .endif
    .if no_drive_parameters
    cmpb $0x48, %ah
    je fail
    .endif
    .if large_sectors
    cmpb $0x48, %ah
    jne 1f
    movw $4096, 24(%si)
    jmp good
1:
    .endif
    .byte 0xea
disk_bios:
    .long 0

system_hook:
    .if no_a20_call
    cmpb $0x24, %ah
    je fail
    .endif
    cmpw $0xe820, %ax
    jne 9f
    .if no_map
    jmp fail
    .endif
    .if endless_map | map_without_memory | untidy_map | long_map
    pushw %si
    pushw %di
    movw %bx, %si
    .if long_map                # 70 entries, from the second on each 8 KiB behind the one before
    cmpw $1, %si
    jbe 1f
    movw $1, %si
1:
    .endif
    imulw $24, %si, %si
    addw $map - 0x7600, %si
    movw $12, %cx
    rep movsw
    .if long_map
    movl %ebx, %eax
    shll $13, %eax
    addl %eax, -24(%di)
    .endif
    popw %di
    popw %si
    movl $0x534d4150, %eax
    movl $20, %ecx
    .if untidy_map
    movl $24, %ecx
    .endif
    .if endless_map == 0
    incw %bx
    .if long_map
    cmpw $70, %bx
    .else
    cmpw $(map_end - map) / 24, %bx
    .endif
    jne good
    xorl %ebx, %ebx
    .else
    movw $0, %bx
    incl %ebx
    decw %bx
    movl $0x10000, %ebx         # its low half says: the first entry, again and again
    .endif
    jmp good
    .endif
9:  .byte 0xea
system_bios:
    .long 0

fail:
    movb $0x20, %ah             # controller failure
    pushw %bp
    movw %sp, %bp
    orb $1, 6(%bp)
    popw %bp
    iretw
good:
    pushw %bp
    movw %sp, %bp
    andb $0xfe, 6(%bp)
    popw %bp
    iretw

flip:
    .byte 0
map:
    .if endless_map
    .quad 0x100000, 0x3f00000
    .long 1, 1
    .endif
    .if map_without_memory
    .quad 0, 0x9fc00
    .long 1, 1
    .quad 0x100000, 0x3f00000
    .long 2, 1
    .endif
    .if untidy_map              # out of order, overlapping, empty, disabled, not in pages, wrapping, of unknown kinds
    .quad 0x100000, 0x3f00000
    .long 1, 1
    .quad 0, 0x9fc00
    .long 1, 1
    .quad 0x2000800, 0x100
    .long 2, 1
    .quad 0x3000000, 0x100000
    .long 3, 1
    .quad 0x3080000, 0x100000
    .long 5, 1
    .quad 0x1000000, 0
    .long 2, 1
    .quad 0x1800000, 0x100000
    .long 2, 0
    .quad 0x4000800, 0x2000
    .long 1, 1
    .quad 0xfffffffffffff000, 0x2000
    .long 1, 1
    .quad 0x4100000, 0x1000
    .long 12, 1
    .quad 0x4101000, 0x1000
    .long 4, 3
    .endif
    .if long_map
    .quad 0x100000, 0x3f00000
    .long 1, 1
    .quad 0x4000000, 0x1000
    .long 2, 1
    .endif
map_end:
    .code64
    .text
"#
}
