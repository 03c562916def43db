# Is this a processor with 64-bit mode? Uses nothing that an 80386 does not have before it knows.

check_processor:
    pushfl                              # CPUID exists where flag 21 can be changed
    popl %eax
    movl %eax, %ecx
    xorl $1 << 21, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    pushl %ecx
    popfl
    movw $no_cpuid, %si
    xorl %ecx, %eax
    testl $1 << 21, %eax
    jz fail

    movl $0x80000000, %eax
    cpuid
    movw $no_long_mode, %si
    cmpl $0x80000001, %eax              # a processor without extended leaves answers with anything below
    jb without_long_mode
    movl $0x80000001, %eax
    cpuid
    testl $1 << 29, %edx
    jz without_long_mode
    ret

without_long_mode:
    call print
    movl $1, %eax
    cpuid
    call print_hex                      # family, model and stepping
    movw $needs_64_bits, %si
    jmp fail

no_cpuid:      .asciz "osimage: this processor has no CPUID instruction; the kernel needs a 64-bit x86 processor"
no_long_mode:  .asciz "osimage: this processor has no 64-bit mode (CPUID signature 0x"
needs_64_bits: .asciz "); the kernel needs a 64-bit x86 processor"
