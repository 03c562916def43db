# Stage 2 begins here, in real mode, with the boot drive in DL: checks the machine and enters 64-bit mode.

.section .entry, "awx"
.code16

.globl stage2
stage2:
    jmp real_start
    .org STAGE2_MAGIC_OFFSET
    .quad STAGE2_MAGIC
    .org STAGE2_PARAMETERS_END, 0       # what the image builder fills in

real_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $REAL_STACK_TOP, %sp
    sti
    cld
    movb %dl, boot_drive
    call serial_init
    call check_processor
    movw $3, %ax                        # 80x25 text, which also clears the screen
    int $0x10
    movw $0xec00, %ax                   # some firmware wants to know that 64-bit mode comes; others ignore it
    movw $2, %bx
    int $0x15
    call open_a20
    call make_boot_tables
    cli
    enter_long_mode long_start

# Says the text at SI and stops.
fail:
    call print
    movw $line_end, %si
    call print
    jmp stop

# The identity map of the first 4 GiB, in pages of 2 MiB, that the loader itself runs on.
make_boot_tables:
    movw $BOOT_TABLES_ADDRESS, %di
    movw $BOOT_TABLES_SIZE / 4, %cx
    xorl %eax, %eax
    rep stosl
    movl $BOOT_TABLES_ADDRESS + PAGE_SIZE + 3, BOOT_TABLES_ADDRESS
    movw $BOOT_TABLES_ADDRESS + PAGE_SIZE, %di
    movl $BOOT_TABLES_ADDRESS + 2 * PAGE_SIZE + 3, %eax
1:  movl %eax, (%di)                    # four page directories
    addl $PAGE_SIZE, %eax
    addw $8, %di
    cmpw $BOOT_TABLES_ADDRESS + PAGE_SIZE + 4 * 8, %di
    jne 1b
    movw $BOOT_TABLES_ADDRESS + 2 * PAGE_SIZE, %di
    movl $0x83, %eax                    # present, writable, 2 MiB
2:  movl %eax, (%di)
    addw $8, %di
    addl $0x200000, %eax
    jnc 2b
    ret

line_end: .asciz "\r\n"
