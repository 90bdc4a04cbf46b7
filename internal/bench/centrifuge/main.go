// Command centrifuge is a server on the library centrifuge, in memory, that timd is
// compared with by make bench: a client connects with a token, has a channel of its
// own, and publishes to the channels of others, which keep their newest 100 messages.
// It is a module of its own, so that tim needs none of what it needs.
//
//	centrifuge ADDRESS KEY
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: centrifuge ADDRESS KEY")
		os.Exit(2)
	}
	if err := serve(os.Args[1], []byte(os.Args[2])); err != nil {
		fmt.Fprintln(os.Stderr, "centrifuge:", err)
		os.Exit(1)
	}
}

func serve(address string, key []byte) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	node.OnConnecting(func(_ context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(e.Token, &claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"HS256"}))
		if err != nil {
			return centrifuge.ConnectReply{}, errors.Join(err, centrifuge.DisconnectInvalidToken)
		}
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: claims.Subject},
			Subscriptions: map[string]centrifuge.SubscribeOptions{"#" + claims.Subject: {EnableRecovery: true}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnPublish(func(_ centrifuge.PublishEvent, reply centrifuge.PublishCallback) {
			reply(centrifuge.PublishReply{Options: centrifuge.PublishOptions{HistorySize: 100, HistoryTTL: time.Hour}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
