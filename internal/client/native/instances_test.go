package native_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestOwnInstances has a user who is logged in twice see both places, and end
// the other one.
func TestOwnInstances(t *testing.T) {
	server := startTimd(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	online := func(user, platform string) (c *native.Client, kicked chan string) {
		ready := make(chan struct{}, 1)
		kicked = make(chan string, 1)
		c = native.New(native.Options{
			URL: "ws://" + server.addr + "/ws", SDKAppID: testApp, Platform: platform,
			OnEvent: func(name string, data frame.Body) {
				switch name {
				case frame.EventSDKReady:
					ready <- struct{}{}
				case frame.EventKickedOut:
					kicked <- data.Text("type")
				}
			},
		})
		t.Cleanup(c.Destroy)
		_, err := c.Login(ctx, user, sign(user, time.Hour))
		require.NoError(t, err)
		<-ready
		return c, kicked
	}
	list := func(c *native.Client) (self, others []frame.Body) {
		result, err := c.Send(ctx, frame.InstanceList, frame.Fields{})
		require.NoError(t, err)
		for _, in := range result.List("instances") {
			require.Equal(t, "online", in.Text("state"))
			require.Equal(t, "127.0.0.1", in.Text("address"))
			require.NotZero(t, in.Number("loginTime"))
			if in.Bool("isSelf") {
				self = append(self, in)
			} else {
				others = append(others, in)
			}
		}
		return self, others
	}
	kick := func(c *native.Client, instance string) (frame.Body, error) {
		return c.Send(ctx, frame.InstanceKick, frame.Fields{{Key: "instanceID", Value: instance}})
	}
	web, webKicked := online("twice", "Web")
	_, phoneKicked := online("twice", "Android")
	stranger, _ := online("stranger", "Web")
	self, others := list(web)
	require.Len(t, self, 1)
	require.Len(t, others, 1)
	require.Equal(t, "Web", self[0].Text("platform"))
	require.Equal(t, "Android", others[0].Text("platform"))

	// Nobody ends an instance of somebody else's, or one that is none.
	phone := others[0].Text("instanceID")
	result, err := kick(stranger, phone)
	require.NoError(t, err)
	require.False(t, result.Bool("kicked"))
	_, err = kick(stranger, "")
	require.ErrorIs(t, err, fault.New(fault.BadParameters))

	result, err = kick(web, phone)
	require.NoError(t, err)
	require.True(t, result.Bool("kicked"))
	require.Equal(t, frame.KickRESTAPI, <-phoneKicked)
	result, err = kick(web, phone)
	require.NoError(t, err)
	require.False(t, result.Bool("kicked"), "it is gone already")
	_, others = list(web)
	require.Empty(t, others)

	_, err = kick(web, self[0].Text("instanceID"))
	if err != nil { // its answer may come after its end
		require.ErrorIs(t, err, fault.New(fault.KickedByServerAPI))
	}
	require.Equal(t, frame.KickRESTAPI, <-webKicked)
}
