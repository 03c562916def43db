# The ways between real and 64-bit mode, and a BIOS call made from 64-bit mode.

.set CODE64, 0x08
.set DATA, 0x10
.set CODE32, 0x18
.set CODE16, 0x20
.set DATA16, 0x28

# Real mode to 64-bit mode at TARGET, with interrupts off. Clobbers EAX, ECX, EDX.
.macro enter_long_mode target
    lgdtl gdt_pointer
    movl %cr4, %eax
    orl $1 << 5, %eax                   # PAE
    movl %eax, %cr4
    movl $BOOT_TABLES_ADDRESS, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER
    rdmsr
    orl $1 << 8, %eax                   # LME
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax               # paging and protection at once: 64-bit mode is on
    movl %eax, %cr0
    ljmpl $CODE64, $\target
.endm

# bios_call(registers: *mut Registers, vector * 4): one INT with DS = ES = 0. The registers are passed and returned in
# `bios_registers`, where 16-bit code can reach them. Returns with interrupts off, as they were.
.section .text.bios_call, "ax"
.code64
.globl bios_call
bios_call:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    movq %rsp, saved_stack
    movl (%rsi), %eax                   # the vector's far pointer, in the table at address 0
    movl %eax, bios_vector
    movq %rdi, %rsi
    movl $bios_registers, %edi
    movl $REGISTERS_SIZE, %ecx
    rep movsb
    pushq $CODE32
    pushq $1f
    lretq

.code32
1:  movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr0, %eax
    andl $0x7fffffff, %eax              # paging off: 64-bit mode is off
    movl %eax, %cr0
    ljmpl $CODE16, $2f

.section .real, "awx"
.code16
2:  movw $DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmpw $0, $3f
3:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $REAL_STACK_TOP, %esp
    lidtl real_idt_pointer
    movl bios_registers + 0, %eax
    movl bios_registers + 4, %ebx
    movl bios_registers + 8, %ecx
    movl bios_registers + 12, %edx
    movl bios_registers + 16, %esi
    movl bios_registers + 20, %edi
    sti
    pushfw                              # what INT does, for a vector that is not known before
    cli
    lcallw *bios_vector
    pushfw
    cli
    cld
    pushw %ds
    pushw $0
    popw %ds
    movl %eax, bios_registers + 0
    movl %ebx, bios_registers + 4
    movl %ecx, bios_registers + 8
    movl %edx, bios_registers + 12
    movl %esi, bios_registers + 16
    movl %edi, bios_registers + 20
    popw %ax                            # its DS, of no interest
    popw %ax
    movw %ax, bios_registers + 24
    enter_long_mode bios_return

.section .text.bios_call, "ax"
.code64
bios_return:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    lidt idt_pointer
    movq saved_stack, %rsp
    popq %rdi
    movl $bios_registers, %esi
    movl $REGISTERS_SIZE, %ecx
    rep movsb
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    retq

# Within the first 64 KiB, as everything real mode touches; the pointers are replaced once Rust has tables of its own.
.section .data.real, "aw"
.balign 8
.globl gdt_pointer, idt_pointer, boot_drive, low_buffer
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # CODE64
    .quad 0x00cf93000000ffff            # DATA
    .quad 0x00cf9b000000ffff            # CODE32
    .quad 0x00009b000000ffff            # CODE16
    .quad 0x000093000000ffff            # DATA16
boot_gdt_end:
saved_stack:
    .quad 0
low_buffer:                             # for packets and answers of BIOS calls
    .fill LOW_BUFFER_SIZE, 1, 0
bios_registers:
    .fill REGISTERS_SIZE, 1, 0
bios_vector:
    .long 0
a20_probe:
    .long 0
gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt
idt_pointer:
    .word 0
    .quad 0
real_idt_pointer:
    .word 0x3ff
    .long 0
boot_drive:
    .byte 0
