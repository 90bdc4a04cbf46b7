package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// Lease is the value of a gateway's lease. Gateways of the first layout wrote
// their name alone; they read no values.
type Lease struct {
	Gateway string `json:"gateway"` // node and boot
	Layout  int    `json:"layout"`
}

// Encode returns the value of the lease of a gateway of this program.
func Encode(gateway string) []byte {
	data, err := json.Marshal(Lease{gateway, Version})
	if err != nil {
		panic(err) // a string and a number
	}
	return data
}

var leaseStream = bus.BucketStream(bus.BucketLeases)

func leaseSubject(gateway string) string { return bus.BucketSubject(bus.BucketLeases, gateway) }

// Running returns the gateways that hold a lease.
func Running(ctx context.Context, b Bus) ([]Lease, error) {
	subjects, err := b.Subjects(ctx, leaseStream)
	if err != nil {
		return nil, fmt.Errorf("the leases of the gateways cannot be read: %w", err)
	}
	var all []Lease
	for _, subject := range subjects {
		gateway := strings.TrimPrefix(subject, leaseSubject(""))
		data, ok, err := lease(ctx, b, gateway)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue // it has ended just now
		}
		l := Lease{Layout: First}
		if json.Unmarshal(data, &l) != nil {
			l.Layout = First
		}
		l.Gateway = gateway
		all = append(all, l)
	}
	return all, nil
}

// held reports whether a gateway has its lease; on an embedded store no gateway
// but this process has one.
func held(ctx context.Context, b Bus, gateway string) (bool, error) {
	if b.Embedded() {
		return false, nil
	}
	_, ok, err := lease(ctx, b, gateway)
	return ok, err
}

// lease reads the value of a gateway's lease.
func lease(ctx context.Context, b Bus, gateway string) (data []byte, ok bool, err error) {
	err = bus.Retry(ctx, func(ctx context.Context) error {
		v, err := b.LastAtLeader(ctx, leaseStream, leaseSubject(gateway))
		data = v.Data
		return err
	})
	if errors.Is(err, bus.ErrNoValue) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("the lease of gateway %s cannot be read: %w", gateway, err)
	}
	return data, true, nil
}
