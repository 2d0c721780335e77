package oauth

import "time"

// Together takes chance out of the schedule: what is due together is done together. It is
// the control of the tests that there is no burst.
func (f *Flow) Together() {
	f.spread = func(time.Duration) time.Duration { return 0 }
}

// Local is what decides where pages may lead back to.
var Local = local

// BindingName is the name of what says whose an account is.
const BindingName = bindingName
