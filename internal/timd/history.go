package timd

import (
	"flag"
	"fmt"
	"time"
)

// loginHistory is how long the newest logins of users are kept; 0: not at all.
type loginHistory struct{ age time.Duration }

func (h *loginHistory) flags(f *flag.FlagSet) {
	durationVar(f, &h.age, "login-history", 30*24*time.Hour, "`DURATION` for which a user's newest logins are kept for administrators, with their addresses; 0s keeps none")
}

func (h loginHistory) check() error {
	if h.age != 0 && (h.age < time.Hour || h.age > 365*24*time.Hour) {
		return fmt.Errorf("--login-history %v must be between 1h and 8760h, or 0s", h.age)
	}
	return nil
}
