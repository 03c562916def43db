# Text on screen and COM1 from real mode, for what goes wrong before there is anything better. Clobbers no register.

.code16

# The serial port: 115200 baud, 8 data bits, no parity, one stop bit, FIFO on; register and value in turn.
serial_init:
    pushaw
    movw $serial_settings, %si
1:  lodsw
    cmpb $0xff, %al
    je 2f
    movzbw %al, %dx
    addw $COM1_PORT, %dx
    movb %ah, %al
    outb %al, %dx
    jmp 1b
2:  popaw
    ret

# The text at SI, which ends with a zero byte.
print:
    pushaw
1:  lodsb
    testb %al, %al
    jz 2f
    call print_character
    jmp 1b
2:  popaw
    ret

# EAX as eight hexadecimal digits.
print_hex:
    pushal
    movl %eax, %edx
    movw $8, %cx
1:  roll $4, %edx
    movb %dl, %al
    andb $0xf, %al
    cmpb $10, %al               # these three make the digit's ASCII character
    sbbb $0x69, %al
    das
    call print_character
    loop 1b
    popal
    ret

print_character:
    pushaw
    movb $0xe, %ah              # teletype output, page 0
    movw $7, %bx
    pushw %ax
    int $0x10
    movw $COM1_PORT + 5, %dx
    xorw %cx, %cx               # a port that never gets ready is waited for 65536 times, not for ever
1:  inb %dx, %al
    testb $0x20, %al
    loopz 1b
    popw %ax
    movw $COM1_PORT, %dx
    outb %al, %dx
    popaw
    ret

stop:
    cli
1:  hlt
    jmp 1b

serial_settings:
    .byte 1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 7, 4, 3, 0xff
