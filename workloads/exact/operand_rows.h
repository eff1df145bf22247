/* SPDX-License-Identifier: MIT */
#ifndef EXACT_OPERAND_ROWS_H
#define EXACT_OPERAND_ROWS_H

/* X(identifier, instruction, bytes of the operand, …): one row a form. (%rsi) is the operand. */

/* The formatter would break rows apart. */
/* clang-format off */
#define EACH_64(X) \
	X(mov8_load, "movb (%rsi), %dl", 1) \
	X(mov8h_load, "movb (%rsi), %dh", 1) \
	X(mov8r_load, "movb (%rsi), %bpl", 1) \
	X(mov16_load, "movw (%rsi), %dx", 2) \
	X(mov32_load, "movl (%rsi), %edx", 4) \
	X(mov64_load, "movq (%rsi), %r9", 8) \
	X(mov8_store, "movb %dl, (%rsi)", 1) \
	X(mov8h_store, "movb %ch, (%rsi)", 1) \
	X(mov16_store, "movw %dx, (%rsi)", 2) \
	X(mov32_store, "movl %edx, (%rsi)", 4) \
	X(mov64_store, "movq %r9, (%rsi)", 8) \
	X(mov8_imm, "movb $0x90, (%rsi)", 1) \
	X(mov16_imm, "movw $0x9091, (%rsi)", 2) \
	X(mov32_imm, "movl $0x90919293, (%rsi)", 4) \
	X(mov64_imm, "movq $-0x12345678, (%rsi)", 8) \
	X(movzx8_16, "movzbw (%rsi), %dx", 1) \
	X(movzx8_32, "movzbl (%rsi), %edx", 1) \
	X(movzx8_64, "movzbq (%rsi), %rdx", 1) \
	X(movzx16_32, "movzwl (%rsi), %edx", 2) \
	X(movzx16_64, "movzwq (%rsi), %rdx", 2) \
	X(movsx8_16, "movsbw (%rsi), %dx", 1) \
	X(movsx8_32, "movsbl (%rsi), %edx", 1) \
	X(movsx8_64, "movsbq (%rsi), %rdx", 1) \
	X(movsx16_32, "movswl (%rsi), %edx", 2) X(movsx16_64, "movswq (%rsi), %rdx", 2) X( \
		movsxd, "movslq (%rsi), %rdx", 4) X(movnti32, "movnti %edx, (%rsi)", 4) \
	X(movnti64, "movnti %rdx, (%rsi)", 8) X(xchg8, "xchgb %dl, (%rsi)", 1) X( \
			xchg8h, "xchgb %bh, (%rsi)", 1) X(xchg16, "xchgw %dx, (%rsi)", 2) \
	X(xchg32, "xchgl %edx, (%rsi)", 4) X(xchg64, "xchgq %rdx, (%rsi)", 8) X( \
				xadd8, "xaddb %dl, (%rsi)", 1) X(xadd16, "xaddw %dx, (%rsi)", \
								 2) X(xadd32, "lock xaddl %edx, (%rsi)", 4) \
	X(xadd64, "xaddq %rdx, (%rsi)", 8) X(cmpxchg8, "cmpxchgb %dl, (%rsi)", 1) X( \
					cmpxchg16, "cmpxchgw %dx, (%rsi)", \
					2) X(cmpxchg32, "lock cmpxchgl %edx, (%rsi)", \
					     4) X(cmpxchg64, "cmpxchgq %rdx, (%rsi)", \
						  8) ARITHMETIC(X, add) ARITHMETIC(X, or) ARITHMETIC(X, adc) \
					ARITHMETIC(X, sbb) ARITHMETIC(X, and) ARITHMETIC(X, sub) ARITHMETIC( \
						X, xor) ARITHMETIC(X, cmp) X(test8, "testb %dl, (%rsi)", 1) \
	X(test16, "testw %dx, (%rsi)", \
						  2) X(test32, "testl %edx, (%rsi)", \
						       4) X(test64, "testq %rdx, (%rsi)", \
							    8) X(test8i, "testb $0x81, (%rsi)", \
								 1) X(test64i, "testq $-0x1234567, (%rsi)", \
								      8) UNARY(X, inc) UNARY(X, dec) \
							UNARY(X, not ) UNARY(X, neg) X( \
								bt16i, "btw $11, (%rsi)", \
								2) X(bt32i, "btl $37, (%rsi)", 4) \
	X(bts32i, "lock btsl $31, (%rsi)", \
								  4) X(btr16i, "btrw $15, (%rsi)", \
								       2) X(btc64i, "btcq $63, (%rsi)", 8) \
									SHIFTS(X, rol) SHIFTS(X, ror) \
										SHIFTS(X, rcl) SHIFTS(X, \
												      rcr) \
											SHIFTS(X, \
											       shl) SHIFTS(X, shr) SHIFTS(X, sar) X(shld16, "shldw $3, %dx, (%rsi)", 2) X(shld32, "shldl %cl, %edx, (%rsi)", 4) X(shld64, "shldq %cl, %rdx, (%rsi)", 8) X(shrd16, "shrdw %cl, %dx, (%rsi)", 2) X(shrd32, "shrdl $17, %edx, (%rsi)", 4) X(shrd64, \
																																									 "shrdq %cl, %r8, (%rsi)", 8) UNARY(X, \
																																													    mul) UNARY(X, imul) UNARY(X, div) UNARY(X, idiv) X(imul16r, \
																																																			       "imulw (%rsi), %dx", \
																																																			       2) X(imul32r, \
																																																				    "imull (%rsi), %edx", \
																																																				    4) X(imul64r, \
																																																					 "imulq (%rsi), %rdx", \
																																																					 8) X(imul32i, \
																																																					      "imull $-77, (%rsi), %edx", \
																																																					      4) X(imul64i, "imulq $0x12345678, (%rsi), %rdx", 8) X(imul16i, \
																																																												    "imulw $0x1234, (%rsi), %dx", \
																																																												    2) X(bsf16, "bsfw (%rsi), %dx", 2) X(bsf32, \
																																																																	 "bsfl (%rsi), %edx", \
																																																																	 4) X(bsf64, \
																																																																	      "bsfq (%rsi), %rdx", \
																																																																	      8) X(bsr16, \
																																																																		   "bsrw (%rsi), %dx", 2) X(bsr32, "bsrl (%rsi), %edx", 4) X(bsr64, \
																																																																									     "bsrq (%rsi), %rdx", 8) X(tzcnt32, \
																																																																												       "rep bsfl (%rsi), %edx", \
																																																																												       4) X(lzcnt64, \
																																																																													    "rep bsrq (%rsi), %rdx", 8) X(lzcnt16, "rep bsrw (%rsi), %dx", 2) CONDITIONS(X, o) CONDITIONS(X, no) CONDITIONS(X, b) CONDITIONS(X, ae) CONDITIONS(X, \
																																																																																															       e) CONDITIONS(X, \
																																																																																																	     ne) CONDITIONS(X, \
																																																																																																			    be) CONDITIONS(X, \
																																																																																																					   a) CONDITIONS(X, \
																																																																																																							 s) CONDITIONS(X, \
																																																																																																								       ns) CONDITIONS(X, \
																																																																																																										      p) CONDITIONS(X, \
																																																																																																												    np) CONDITIONS(X, \
																																																																																																														   l) CONDITIONS(X, \
																																																																																																																 ge) CONDITIONS(X, \
																																																																																																																		le) CONDITIONS(X, g) X(push16, "pushw (%rsi)", 2) X(push64, \
																																																																																																																								    "pushq (%rsi)", \
																																																																																																																								    8) X(pop16, \
																																																																																																																									 "popw (%rsi)", 2) X(pop64, \
																																																																																																																											     "popq (%rsi)", 8) X(cmpxchg8b, "lock cmpxchg8b (%rsi)", 8) X(movups_load, \
																																																																																																																																			  "movups (%rsi), " \
																																																																																																																																			  "%xmm1", \
																																																																																																																																			  16) X(movups_store, \
																																																																																																																																				"movups " \
																																																																																																																																				"%xmm2, " \
																																																																																																																																				"(%rsi)", \
																																																																																																																																				16) X(movupd_load, "movupd (%rsi), %xmm1", 16) X(movupd_store, \
																																																																																																																																										 "movupd %xmm2, (%rsi)", \
																																																																																																																																										 16) X(movdqu_load, "movdqu (%rsi), %xmm1", 16) X(movdqu_store, \
																																																																																																																																																  "movdqu %xmm2, " \
																																																																																																																																																  "(%rsi)", \
																																																																																																																																																  16) X(movss_load, \
																																																																																																																																																	"movss (%rsi), " \
																																																																																																																																																	"%xmm1", \
																																																																																																																																																	4) X(movss_store, \
																																																																																																																																																	     "movss " \
																																																																																																																																																	     "%xmm2, " \
																																																																																																																																																	     "(%rsi)", \
																																																																																																																																																	     4) X(movsd_load, \
																																																																																																																																																		  "movsd (%rsi), %xmm1", \
																																																																																																																																																		  8) X(movsd_store, \
																																																																																																																																																		       "movsd %xmm2, " \
																																																																																																																																																		       "(%rsi)", \
																																																																																																																																																		       8) X(movlps_load, \
																																																																																																																																																			    "movlps " \
																																																																																																																																																			    "(%rsi), " \
																																																																																																																																																			    "%xmm1", \
																																																																																																																																																			    8) X(movlps_store, \
																																																																																																																																																				 "movlps " \
																																																																																																																																																				 "%xmm2, " \
																																																																																																																																																				 "(%rsi)", \
																																																																																																																																																				 8) X(movhps_load, \
																																																																																																																																																				      "movhps " \
																																																																																																																																																				      "(%rsi), " \
																																																																																																																																																				      "%xmm1", \
																																																																																																																																																				      8) \
	X(movhps_store, \
												  "movh" \
												  "ps " \
												  "%xmm" \
												  "2, " \
												  "(%" \
												  "rsi" \
												  ")", \
												  8) X(movlpd_load, \
												       "mov" \
												       "lpd" \
												       " (%" \
												       "rsi" \
												       "), " \
												       "%xm" \
												       "m1", \
												       8) X(movhpd_store, \
													    "m" \
													    "o" \
													    "v" \
													    "h" \
													    "p" \
													    "d" \
													    " " \
													    "%" \
													    "x" \
													    "m" \
													    "m" \
													    "2" \
													    "," \
													    " " \
													    "(" \
													    "%" \
													    "r" \
													    "s" \
													    "i" \
													    ")", \
													    8) X(movd_load, \
														 "movd " \
														 "(%rsi), " \
														 "%xmm3", \
														 4) X(movd_store, \
														      "movd " \
														      "%xmm3, " \
														      "(%rsi)", \
														      4) \
	X(movq_load, \
													  "m" \
													  "o" \
													  "v" \
													  "q" \
													  " " \
													  "(" \
													  "%" \
													  "r" \
													  "s" \
													  "i" \
													  ")" \
													  "," \
													  " " \
													  "%" \
													  "x" \
													  "m" \
													  "m" \
													  "3", \
													  8) X(movq_store, \
													       "m" \
													       "o" \
													       "v" \
													       "q" \
													       " " \
													       "%" \
													       "x" \
													       "m" \
													       "m" \
													       "3" \
													       "," \
													       " " \
													       "(" \
													       "%" \
													       "r" \
													       "s" \
													       "i" \
													       ")", \
													       8) X(movq_loadr, \
														    ".byte " \
														    "0x66, " \
														    "0x48, " \
														    "0x0f, " \
														    "0x6e, " \
														    "0x1e # " \
														    "movq " \
														    "(%rsi), " \
														    "%xmm3 " \
														    "by " \
														    "REX.W", \
														    8) \
	X(movq_storer, \
														  ".by" \
														  "te " \
														  "0x6" \
														  "6, " \
														  "0x4" \
														  "8, " \
														  "0x0" \
														  "f, " \
														  "0x7" \
														  "e, " \
														  "0x1" \
														  "e " \
														  "# " \
														  "mov" \
														  "q " \
														  "%xm" \
														  "m3," \
														  " (%" \
														  "rsi" \
														  ") " \
														  "by " \
														  "REX" \
														  ".W", \
														  8)

/* An operand that must be at a multiple of 16: #GP elsewhere. */
#define EACH_ALIGNED(X) \
	X(movaps_load, "movaps (%rsi), %xmm1", 16) \
	X(movaps_store, "movaps %xmm2, (%rsi)", 16) \
	X(movapd_load, "movapd (%rsi), %xmm1", 16) \
	X(movapd_store, "movapd %xmm2, (%rsi)", 16) \
	X(movdqa_load, "movdqa (%rsi), %xmm1", 16) \
	X(movdqa_store, "movdqa %xmm2, (%rsi)", 16) \
	X(movntps, "movntps %xmm0, (%rsi)", 16) \
	X(movntpd, "movntpd %xmm0, (%rsi)", 16) X(movntdq, "movntdq %xmm0, (%rsi)", 16)

#define SHIFTS(X, op) \
	X(op##8, #op "b $3, (%rsi)", 1) \
	X(op##8c, #op "b %cl, (%rsi)", 1) \
	X(op##16, #op "w $9, (%rsi)", 2) \
	X(op##16c, #op "w %cl, (%rsi)", 2) \
	X(op##32, #op "l $31, (%rsi)", 4) \
	X(op##32c, #op "l %cl, (%rsi)", 4) \
	X(op##64, #op "q $33, (%rsi)", 8) \
	X(op##64c, #op "q %cl, (%rsi)", 8) \
	X(op##8o, #op "b (%rsi)", 1) \
	X(op##16o, #op "w (%rsi)", 2) X(op##32o, #op "l (%rsi)", 4) X(op##64o, #op "q (%rsi)", 8)
#define CONDITIONS(X, cc) \
	X(set##cc, "set" #cc " (%rsi)", 1) \
	X(cmov##cc##32, "cmov" #cc "l (%rsi), %edx", 4) X(cmov##cc##64, "cmov" #cc "q (%rsi), %rdx", 8)

#define ARITHMETIC(X, op) \
	X(op##8, #op "b %dl, (%rsi)", 1) \
	X(op##8h, #op "b %ah, (%rsi)", 1) \
	X(op##16, #op "w %dx, (%rsi)", 2) \
	X(op##32, #op "l %edx, (%rsi)", 4) \
	X(op##64, #op "q %rdx, (%rsi)", 8) \
	X(op##8r, #op "b (%rsi), %dl", 1) \
	X(op##16r, #op "w (%rsi), %dx", 2) \
	X(op##32r, #op "l (%rsi), %edx", 4) \
	X(op##64r, #op "q (%rsi), %rdx", 8) \
	X(op##8i, #op "b $0x83, (%rsi)", 1) \
	X(op##32i, #op "l $-5, (%rsi)", 4) \
	X(op##16i, #op "w $0x1234, (%rsi)", 2) X(op##64i, #op "q $0x12345678, (%rsi)", 8)
#define UNARY(X, op) \
	X(op##8, #op "b (%rsi)", 1) \
	X(op##16, #op "w (%rsi)", 2) X(op##32, #op "l (%rsi)", 4) X(op##64, #op "q (%rsi)", 8)

/*
 * Addressing: X(identifier, instruction, modes, base, index, scale, bits of the address, displacement,
 * segment). The operand has 4 bytes, 2 in 16-bit code.
 */
#define EACH_ADDRESS_64(X) \
	X(a_disp8, "movl -3(%rbx), %edx", MODES_64, RBX, NO_REGISTER, 1, 64, -3, SEG_DS) \
	X(a_disp32, "movl %edx, 0x12345(%r13)", MODES_64, 13, NO_REGISTER, 1, 64, 0x12345, SEG_DS) \
	X(a_r12, "addl %edx, (%r12)", MODES_64, 12, NO_REGISTER, 1, 64, 0, SEG_DS) \
	X(a_sib1, "movl (%rbx, %rdi), %edx", MODES_64, RBX, RDI, 1, 64, 0, SEG_DS) \
	X(a_sib2, "xorl %edx, 5(%r9, %rcx, 2)", MODES_64, 9, RCX, 2, 64, 5, SEG_DS) \
	X(a_sib4, "movl %edx, -0x100(%rbp, %r12, 4)", MODES_64, RBP, 12, 4, 64, -0x100, SEG_SS) \
	X(a_sib8, "movl (%r13, %r15, 8), %edx", MODES_64, 13, 15, 8, 64, 0, SEG_DS) \
	X(a_67, "movl (%ebx), %edx", MODES_64, RBX, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(a_67_sib, "movl %edx, 7(%ebx, %r8d, 4)", MODES_64, RBX, 8, 4, 32, 7, SEG_DS) \
	X(a_fs, "movl %fs:(%rbx), %edx", MODES_64, RBX, NO_REGISTER, 1, 64, 0, SEG_FS) \
	X(a_gs, "movl %edx, %gs:0x10(%rbx)", MODES_64, RBX, NO_REGISTER, 1, 64, 0x10, SEG_GS) \
	X(a_es, "movl %es:(%rbx), %edx", MODES_64, RBX, NO_REGISTER, 1, 64, 0, SEG_ES) \
	X(a_bt64, "btq %rdx, (%rsi)", MODES_64, RSI, NO_REGISTER, 1, 64, 0, SEG_DS) \
	X(a_bts32, "lock btsl %edx, (%rsi)", MODES_64, RSI, NO_REGISTER, 1, 64, 0, SEG_DS) \
	X(a_btr16, "btrw %dx, (%rsi)", MODES_64, RSI, NO_REGISTER, 1, 64, 0, SEG_DS) \
	X(a_btc64, "btcq %rdx, (%rsi)", MODES_64, RSI, NO_REGISTER, 1, 64, 0, SEG_DS)
#define EACH_ADDRESS_32(X) \
	X(b_plain, "movl (%ebx), %edx", MODES_32, RBX, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_store, "movl %edx, (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_ebp, "movl %edx, 8(%ebp)", MODES_32, RBP, NO_REGISTER, 1, 32, 8, SEG_SS) \
	X(b_sib, "addl %edx, -9(%ebx, %edi, 4)", MODES_32, RBX, RDI, 4, 32, -9, SEG_DS) \
	X(b_es, "subl %es:(%edi), %edx", MODES_32, RDI, NO_REGISTER, 1, 32, 0, SEG_ES) \
	X(b_fs, "xchgl %edx, %fs:(%edi)", MODES_32, RDI, NO_REGISTER, 1, 32, 0, SEG_FS) \
	X(b_gs, "xaddl %edx, %gs:4(%edi)", MODES_32, RDI, NO_REGISTER, 1, 32, 4, SEG_GS) \
	X(b_ss, "incl %ss:(%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_SS) \
	X(b_imm, "movl $0x87654321, 2(%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 2, SEG_DS) \
	X(b_inc, "incl (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_push, "pushl (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_pop, "popl (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_cmpxchg, "lock cmpxchgl %edx, (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_sar, "sarl $7, (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(b_82, ".byte 0x83, 0x0e, 0x81 # orl $-127, (%esi)", MODES_32, RSI, NO_REGISTER, 1, 32, 0, SEG_DS)
#define EACH_ADDRESS_16(X) \
	X(c_bxsi, "movw 3(%bx,%si), %dx", MODES_16, RBX, RSI, 1, 16, 3, SEG_DS) \
	X(c_bxdi, "movw %dx, (%bx,%di)", MODES_16, RBX, RDI, 1, 16, 0, SEG_DS) \
	X(c_bpsi, "addw %dx, (%bp,%si)", MODES_16, RBP, RSI, 1, 16, 0, SEG_SS) \
	X(c_bpdi, "xorw -7(%bp,%di), %dx", MODES_16, RBP, RDI, 1, 16, -7, SEG_SS) \
	X(c_si, "subw $77, (%si)", MODES_16, RSI, NO_REGISTER, 1, 16, 0, SEG_DS) \
	X(c_di, "decw 0x1234(%di)", MODES_16, RDI, NO_REGISTER, 1, 16, 0x1234, SEG_DS) \
	X(c_bp, "movw 2(%bp), %dx", MODES_16, RBP, NO_REGISTER, 1, 16, 2, SEG_SS) \
	X(c_bx, "xchgw %dx, %es:(%bx)", MODES_16, RBX, NO_REGISTER, 1, 16, 0, SEG_ES) \
	X(c_67, "movw (%esi), %dx", MODES_16, RSI, NO_REGISTER, 1, 32, 0, SEG_DS) \
	X(c_push, "pushw (%si)", MODES_16, RSI, NO_REGISTER, 1, 16, 0, SEG_DS) \
	X(c_pop, "popw (%bx)", MODES_16, RBX, NO_REGISTER, 1, 16, 0, SEG_DS)
/* The address is in the instruction: LINEAR(PAGE_DATA0) + 0x100, less a segment's base. */
#define EACH_FIXED(X) \
	X(f_moffs8, 64, "movabsb 0x10001100, %al", MODES_64, 1) \
	X(f_moffs64, 64, "movabsq 0x10001100, %rax", MODES_64, 8) \
	X(f_moffs32s, 64, "movabsl %eax, 0x10001100", MODES_64, 4) \
	X(f_abs, 64, "movl 0x10001100, %edx", MODES_64, 4) \
	X(f_abs32, 32, "movl 0x10000100, %edx", MODES_32, 4) \
	X(f_moffs32, 32, "movl %eax, 0x10000100", MODES_32, 4) \
	X(f_moffs8_32, 32, "movb %es:0x0ffff100, %al", MODES_32, 1) \
	X(f_moffs16, 16, "movw 0x1100, %ax", MODES_16, 2) \
	X(f_moffs16s, 16, "movb %al, 0x1100", MODES_16, 1) \
	X(f_abs16, 16, "orw %dx, 0x1100", MODES_16, 2)

/* X(identifier, instruction, bytes, feature) */
#define EACH_FEATURE(X) \
	X(popcnt16, "popcntw (%rsi), %dx", 2, POPCNT_, 0) \
	X(popcnt32, "popcntl (%rsi), %edx", 4, POPCNT_, 0) \
	X(popcnt64, "popcntq (%rsi), %rdx", 8, POPCNT_, 0) \
	X(movbe16, "movbew (%rsi), %dx", 2, MOVBE_, 0) \
	X(movbe32, "movbel (%rsi), %edx", 4, MOVBE_, 0) \
	X(movbe64, "movbeq %rdx, (%rsi)", 8, MOVBE_, 0) \
	X(movbe16s, "movbew %dx, (%rsi)", 2, MOVBE_, 0) \
	X(cmpxchg16b, "cmpxchg16b (%rsi)", 16, CX16_, 16) X(lddqu, "lddqu (%rsi), %xmm3", 16, SSE3_, 0)

/* clang-format on */

#endif
