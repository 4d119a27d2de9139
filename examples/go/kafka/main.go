// Command kafka prints the type and the title of each article of a Kafka topic.
//
//	go run ./kafka kafka1:9092 my-app
//
// The group's offsets are committed after the articles are printed: after a crash, the last ones come again.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

type article struct {
	ID       string `json:"id"`
	Revision int    `json:"revision"`
	Title    string `json:"title"`
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: kafka BROKERS GROUP")
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(os.Args[1], ",")...),
		kgo.ConsumerGroup(os.Args[2]),
		kgo.ConsumeTopics("copydesk.articles"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // the desk publishes in transactions
		kgo.DisableAutoCommit(),
	}
	if user := os.Getenv("KAFKA_USER"); user != "" {
		auth := scram.Auth{User: user, Pass: os.Getenv("KAFKA_PASSWORD")}
		options = append(options, kgo.SASL(auth.AsSha256Mechanism()))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(context.Background())
		fetches.EachError(func(topic string, partition int32, err error) {
			log.Printf("read failed: %s/%d (%v)", topic, partition, err)
		})
		fetches.EachRecord(show)
		if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
			log.Printf("commit failed: %v", err)
		}
	}
}

func show(record *kgo.Record) {
	var a article
	if err := json.Unmarshal(record.Value, &a); err != nil {
		log.Printf("message unreadable: %s/%d@%d (%v)", record.Topic, record.Partition, record.Offset, err)
		return
	}
	event := ""
	for _, header := range record.Headers {
		if header.Key == "ce_type" {
			event = string(header.Value)
		}
	}
	fmt.Printf("%s %s %d %s\n", event, a.ID, a.Revision, a.Title)
}
