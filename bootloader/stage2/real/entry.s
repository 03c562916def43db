# Stage 2 begins here, in real mode, with the boot drive in DL: checks the machine and enters 64-bit mode.

.section .entry, "awx"
.code16

.globl stage2
stage2:
    jmp real_start
    .org STAGE2_MAGIC_OFFSET
    .quad STAGE2_MAGIC
    .org REST_PACKET_OFFSET, 0          # what the image builder fills in
rest_packet:                            # as INT 13h, AH=42h, wants it; the sector follows
    .word 0x10
    .word 0
    .word 0
    .word STAGE2_REST_ADDRESS / 16
    .org REST_COUNT_OFFSET, 0
rest_count:
    .long 0
    .org REST_CHECKSUM_OFFSET, 0
rest_checksum:
    .long 0
    .org STAGE2_PARAMETERS_END, 0

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
    call read_rest
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

# Reads what stage 1 leaves, in pieces that any firmware reads at once, and checks its sum.
read_rest:
    movw rest_count, %ax
    movw %ax, rest_left
1:  movb $4, rest_tries
2:  movw rest_left, %ax
    cmpw $STAGE2_READ_SECTORS, %ax
    jbe 3f
    movw $STAGE2_READ_SECTORS, %ax
3:  movw %ax, rest_packet + 2           # anew each time: a failed call leaves what it did read there
    movw $rest_packet, %si
    movb $0x42, %ah
    movb boot_drive, %dl
    int $0x13
    jnc 4f
    movzbl %ah, %ebx                    # the status
    xorw %ax, %ax                       # reset the drive
    movb boot_drive, %dl
    int $0x13
    decb rest_tries
    jnz 2b
    movw $rest_unreadable, %si
    jmp 6f
4:  addw $STAGE2_READ_SECTORS * SECTOR_SIZE / 16, rest_packet + 6
    addl $STAGE2_READ_SECTORS, rest_packet + 8
    subw $STAGE2_READ_SECTORS, rest_left
    ja 1b
    movw rest_count, %cx
    shlw $7, %cx                        # 128 words of 32 bits in a sector
    xorl %ebx, %ebx
    xorw %si, %si
    movw $STAGE2_REST_ADDRESS / 16, %ax
    movw %ax, %ds
5:  lodsl
    roll $1, %ebx
    addl %eax, %ebx
    loop 5b
    xorw %ax, %ax
    movw %ax, %ds
    movw $rest_damaged, %si
    cmpl rest_checksum, %ebx
    jne 6f
    ret
6:  call print
    movl %ebx, %eax
    call print_hex
    movw $line_end, %si
    call print
    jmp stop

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

rest_unreadable: .asciz "osimage: cannot read the rest of stage 2: BIOS error 0x"
rest_damaged:    .asciz "osimage: the rest of stage 2 on the disk is damaged: sum 0x"
rest_left:       .word 0                # sectors
rest_tries:      .byte 0
line_end:        .asciz "\r\n"
