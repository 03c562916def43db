# Opens address line 20, which firmware may leave closed: then every odd megabyte is the one below it.

# Four ways, each tried only while the line is closed: it may be open already; BIOS; port 0x92; keyboard controller.
open_a20:
    call wait_for_a20
    jne 1f
    movw $0x2401, %ax
    int $0x15
    call wait_for_a20
    jne 1f
    inb $0x92, %al
    testb $2, %al                       # already set: writing it again could only do harm
    jnz 2f
    orb $2, %al
    andb $0xfe, %al                     # bit 0 resets the machine
    outb %al, $0x92
2:  call wait_for_a20
    jne 1f
    cli
    call keyboard_ready
    movb $0xd1, %al                     # write the controller's output port
    outb %al, $0x64
    call keyboard_ready
    movb $0xdf, %al                     # with A20 set and the reset line left alone
    outb %al, $0x60
    call keyboard_ready
    sti
    call wait_for_a20
    jne 1f
    movw $a20_closed, %si
    jmp fail
1:  ret

# Leaves "not equal" when the line is open: then a byte and the one a megabyte above it differ after one is changed.
wait_for_a20:
    pushw %es
    movw $0xffff, %ax
    movw %ax, %es
    movl $20000, %ecx                   # the line may open late
1:  movl %ecx, a20_probe                # 0x0000:probe is 1 MiB below 0xffff:probe + 16
    cmpl %es:a20_probe + 16, %ecx
    jne 2f
    outb %al, $0x80                     # about a microsecond
    decl %ecx
    jnz 1b                              # ends "equal"
2:  popw %es
    ret

keyboard_ready:
    xorw %cx, %cx
1:  inb $0x64, %al
    testb $2, %al
    loopnz 1b
    ret

a20_closed: .asciz "osimage: address line A20 stays closed: BIOS, port 0x92 and keyboard controller were tried"
