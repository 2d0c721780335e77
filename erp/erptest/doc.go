// Package erptest holds what every adapter of package erp is measured by: [Run], a
// suite of promises, and [Memory], the simplest ERP that keeps them.
//
// An adapter runs the suite in a test of its own:
//
//	erptest.Run(t, func(t *testing.T) erptest.Bench {
//		server := trytontest.New(…)
//		return erptest.Bench{ERP: client, Goods: "SKU-RED", …}
//	})
//
// Memory serves tests of whatever stands on an ERP: it counts what it holds, runs
// out of stock, and fails on demand.
package erptest
