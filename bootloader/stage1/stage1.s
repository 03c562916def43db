# Stage 1: the boot code of the MBR. Reads what begins stage 2 with one BIOS call, checks its sum, and jumps to it.

.section .boot, "awx"
.code16

.globl stage1
stage1:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $REAL_STACK_TOP, %sp
    ljmpw $0, $begin            # some firmware enters at 0x7c0:0
begin:
    sti
    cld
    movb %dl, drive
    call serial_init

    movb $0x41, %ah             # are extended (LBA) reads there?
    movw $0x55aa, %bx
    int $0x13
    movw $no_lba, %si
    movzbl drive, %eax
    jc fail
    cmpw $0xaa55, %bx
    jne fail
    testb $1, %cl
    jz fail

try:
    movw STAGE1_ADDRESS + STAGE1_COUNT_OFFSET, %ax
    movw %ax, packet + 2        # anew each time: a failed call leaves what it did read there
    movw $packet, %si
    movb $0x42, %ah
    movb drive, %dl
    int $0x13
    jnc loaded
    movzbl %ah, %ebx            # the status
    xorw %ax, %ax               # reset the drive
    movb drive, %dl
    int $0x13
    decb tries
    jnz try
    movw $unreadable, %si
    xchgl %eax, %ebx
    jmp fail

loaded:
    movw $STAGE2_ADDRESS, %si
    movw STAGE1_ADDRESS + STAGE1_COUNT_OFFSET, %cx
    shlw $7, %cx                # 128 words of 32 bits in a sector
    xorl %ebx, %ebx
1:  lodsl
    roll $1, %ebx
    addl %eax, %ebx
    loop 1b
    movb drive, %dl
    cmpl STAGE1_ADDRESS + STAGE1_CHECKSUM_OFFSET, %ebx
    je STAGE2_ADDRESS
    movw $damaged, %si
    xchgl %eax, %ebx

fail:                           # says the text at SI, then the number in EAX
    call print
    call print_hex
    movw $line_end, %si
    call print
    jmp stop

no_lba:     .asciz "osimage: BIOS cannot read by LBA from drive 0x"
unreadable: .asciz "osimage: cannot read stage 2: BIOS error 0x"
damaged:    .asciz "osimage: stage 2 on the disk is damaged: sum 0x"
line_end:   .asciz "\r\n"
tries:      .byte 4
drive:      .byte 0
