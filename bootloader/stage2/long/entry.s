# The first and the last instructions of the loader in 64-bit mode.

.section .text.long, "ax"
.code64

.globl long_start
long_start:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl $loader_stack_top, %esp
    movl $bss_start, %edi
    movl $bss_end, %ecx
    subl %edi, %ecx
    rep stosb
    movq %cr0, %rax                     # core may have been compiled for a target that uses SSE, or AVX
    andb $~(1 << 2), %al                # EM
    orb $1 << 1, %al                    # MP
    movq %rax, %cr0
    movq %cr4, %rax
    orw $3 << 9, %ax                    # OSFXSR, OSXMMEXCPT
    movq %rax, %cr4
    movl $1, %eax
    cpuid
    btl $26, %ecx                       # XSAVE
    jnc 1f
    movq %cr4, %rax
    btsl $18, %eax                      # OSXSAVE
    movq %rax, %cr4
    movl $0xd, %eax                     # which states there are
    xorl %ecx, %ecx
    cpuid
    andl $0xe7, %eax                    # x87, SSE, AVX, AVX-512
    xorl %edx, %edx
    xorl %ecx, %ecx
    xsetbv
1:  movzbl boot_drive, %edi
    call loader_main
    ud2

# enter_kernel(page tables, stack top, entry, boot information): this page is mapped at the same address in both.
# enter_kernel_09(the same, SSE): what `bootloader` 0.9 leaves: SSE off but with its feature, data segments, and a
# return address where nothing happens any more.
.globl enter_kernel, enter_kernel_09
enter_kernel_09:
    movq %rdx, %r9
    movq %rcx, %r10
    movq %cr4, %rax
    btl $18, %eax                       # OSXSAVE
    jnc 1f
    xorl %ecx, %ecx
    xorl %edx, %edx
    movl $1, %eax                       # x87 only, as after a reset
    xsetbv
    movq %cr4, %rax
1:  andl $~(1 << 18 | 3 << 9), %eax     # OSFXSR, OSXMMEXCPT
    movq %cr0, %rdx
    andl $~(1 << 1), %edx               # MP
    testl %r8d, %r8d
    jz 2f
    orl $3 << 9, %eax
    orl $1 << 1, %edx
2:  movq %rax, %cr4
    movq %rdx, %cr0
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movq %r9, %rdx
    movq %r10, %rcx
    movl $3f, %r8d
    jmp 4f
3:  jmp 3b

enter_kernel:
    xorl %r8d, %r8d                     # the return address of a function that must not return
4:  movq %rdi, %cr3
    movq %rsi, %rsp
    pushq %r8
    movq %rdx, %rax
    movq %rcx, %rdi
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %ebp, %ebp
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    jmp *%rax
