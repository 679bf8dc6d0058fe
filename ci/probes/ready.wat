;; A component that says it is ready and then runs what a test puts at the end of `run`, a core function that returns an i32: 0 for ok.
(component
    (import "weft:app/notify@0.2.0" (instance $notify (export "ready" (func))))
    (core func $ready (canon lower (func $notify "ready")))
    (core module $module
        (import "host" "ready" (func $ready))
        (memory (export "memory") 1)
        (table $table 1 funcref)
        (func $recurse (param i32) (result i32) (i32.add (call $recurse (local.get 0)) (i32.const 1)))
        (func (export "run") (result i32) (call $ready) BODY))
    (core instance $instance (instantiate $module (with "host" (instance (export "ready" (func $ready))))))
    (func $run (result (result)) (canon lift (core func $instance "run")))
    (instance $exports (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exports)))
