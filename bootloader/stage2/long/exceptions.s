# One entry for each processor exception. They all run on the stack that the TSS names first, so that they also work
# when the stack is what went wrong.

.section .text.exceptions, "ax"
.code64

.globl exception_entries
.balign 8
exception_entries:
.rept EXCEPTIONS
    call exception_entry                # its return address tells which
    .balign 8
.endr

exception_entry:
    popq %rdi
    movl $exception_entries, %eax
    subq %rax, %rdi
    shrq $3, %rdi                       # the vector
    movq %rsp, %rsi                     # what the processor pushed
    cld
    andq $-16, %rsp
    call exception
    ud2

.text
