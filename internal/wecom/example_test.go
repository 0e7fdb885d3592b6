package wecom_test

import (
	"context"
	"fmt"

	"signet/internal/core"
	"signet/internal/wecom"
)

func ExampleNew() {
	_, err := wecom.New(wecom.Config{BaseURL: "http://wecom.example.com"})
	fmt.Println(err)
	// Output: the WeCom address must begin with https://, because secrets travel in it; http:// is taken for a loopback address (localhost, 127.0.0.1, [::1]) only
}

func ExampleClient() {
	client, err := wecom.New(wecom.Config{})
	if err != nil {
		return
	}
	token, err := client.AccessToken(context.Background(), "ww0123456789abcdef", core.NewSecret("the app's secret"))
	if err != nil {
		fmt.Println(wecom.Fault(err).Code)
		return
	}
	ticket, err := client.AgentTicket(context.Background(), token.Value)
	if err != nil {
		fmt.Println(wecom.Fault(err).Code)
		return
	}
	fmt.Println(ticket.Value, "until", ticket.ReceivedAt.Add(ticket.ExpiresIn))
}
