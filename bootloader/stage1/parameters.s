# What the image builder fills in, at fixed offsets up to the end of the boot code.

    .org STAGE1_MAGIC_OFFSET
    .quad STAGE1_MAGIC
    .org STAGE1_PACKET_OFFSET
packet:                         # as INT 13h, AH=42h, wants it; the sector follows
    .word 0x10
    .word 0
    .word STAGE2_ADDRESS
    .word 0
    .org STAGE1_CODE_SIZE

.code64
.text
