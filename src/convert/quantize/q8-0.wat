;; The inner loops of Q8_0, four numbers at a time. `npm run build:wasm` makes q8-0-kernel.ts of it.
(module
  (memory (export "memory") 4)

  ;; bfloat16 to single precision: `count` numbers, a multiple of 8, from `source` to `target`.
  (func (export "decodeBf16") (param $source i32) (param $target i32) (param $count i32)
    (local $end i32) (local $halves v128)
    (local.set $end (i32.add (local.get $source) (i32.shl (local.get $count) (i32.const 1))))
    (loop $next
      (local.set $halves (v128.load (local.get $source)))
      (v128.store (local.get $target)
        (i32x4.shl (i32x4.extend_low_i16x8_u (local.get $halves)) (i32.const 16)))
      (v128.store offset=16 (local.get $target)
        (i32x4.shl (i32x4.extend_high_i16x8_u (local.get $halves)) (i32.const 16)))
      (local.set $source (i32.add (local.get $source) (i32.const 16)))
      (local.set $target (i32.add (local.get $target) (i32.const 32)))
      (br_if $next (i32.lt_u (local.get $source) (local.get $end)))))

  ;; The magnitudes' bits of four numbers, where they are above those in `largest`. A NaN's are above all others.
  (func $larger (param $largest v128) (param $at i32) (result v128)
    (i32x4.max_s (local.get $largest)
      (v128.and (v128.load (local.get $at)) (v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff))))

  ;; Four numbers times `inverse`, rounded half away from zero. What is not finite becomes zero.
  (func $scaled (param $at i32) (param $inverse v128) (result v128)
    (local $product v128) (local $magnitude v128) (local $floor v128) (local $sign v128) (local $rounded v128)
    (local.set $product (f32x4.mul (v128.load (local.get $at)) (local.get $inverse)))
    (local.set $magnitude (f32x4.abs (local.get $product)))
    (local.set $floor (f32x4.floor (local.get $magnitude)))
    (local.set $rounded
      (i32x4.sub
        (i32x4.trunc_sat_f32x4_s (local.get $floor))
        (f32x4.ge (f32x4.sub (local.get $magnitude) (local.get $floor)) (v128.const f32x4 0.5 0.5 0.5 0.5))))
    (local.set $rounded
      (v128.and (local.get $rounded) (f32x4.lt (local.get $magnitude) (v128.const f32x4 256 256 256 256))))
    (local.set $sign (i32x4.shr_s (v128.load (local.get $at)) (i32.const 31)))
    (i32x4.sub (v128.xor (local.get $rounded) (local.get $sign)) (local.get $sign)))

  ;; 16 numbers to 16 signed bytes.
  (func $pack (param $at i32) (param $inverse v128) (result v128)
    (i8x16.narrow_i16x8_s
      (i16x8.narrow_i32x4_s
        (call $scaled (local.get $at) (local.get $inverse))
        (call $scaled (i32.add (local.get $at) (i32.const 16)) (local.get $inverse)))
      (i16x8.narrow_i32x4_s
        (call $scaled (i32.add (local.get $at) (i32.const 32)) (local.get $inverse))
        (call $scaled (i32.add (local.get $at) (i32.const 48)) (local.get $inverse)))))

  ;; `count` single-precision numbers, a multiple of 32: a scale for each block of 32 to `scales`, in single precision,
  ;; and the block's bytes to `target`, after the two that the scale takes there.
  (func (export "quantize") (param $values i32) (param $count i32) (param $scales i32) (param $target i32)
    (local $end i32) (local $largest v128) (local $scale f32) (local $inverse v128)
    (local.set $end (i32.add (local.get $values) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $largest (call $larger (v128.const i32x4 0 0 0 0) (local.get $values)))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 16))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 32))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 48))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 64))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 80))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 96))))
      (local.set $largest (call $larger (local.get $largest) (i32.add (local.get $values) (i32.const 112))))
      (local.set $largest
        (i32x4.max_s (local.get $largest)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $largest) (local.get $largest))))
      (local.set $largest
        (i32x4.max_s (local.get $largest)
          (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $largest) (local.get $largest))))
      (local.set $scale (f32.div (f32x4.extract_lane 0 (local.get $largest)) (f32.const 127)))
      (f32.store (local.get $scales) (local.get $scale))
      (local.set $inverse
        (f32x4.splat
          (select
            (f32.const 0)
            (f32.div (f32.const 1) (local.get $scale))
            (f32.eq (local.get $scale) (f32.const 0)))))
      (v128.store offset=2 align=1 (local.get $target) (call $pack (local.get $values) (local.get $inverse)))
      (v128.store offset=18 align=1 (local.get $target)
        (call $pack (i32.add (local.get $values) (i32.const 64)) (local.get $inverse)))
      (local.set $values (i32.add (local.get $values) (i32.const 128)))
      (local.set $scales (i32.add (local.get $scales) (i32.const 4)))
      (local.set $target (i32.add (local.get $target) (i32.const 34)))
      (br_if $next (i32.lt_u (local.get $values) (local.get $end))))))
