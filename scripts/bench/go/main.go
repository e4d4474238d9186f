// Go's net/rpc at the same work, told what to do as peer.ts is: `netrpc server`, `netrpc client SETUP`.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type Pair struct{ A, B int }

type Blob struct{ Data []byte }

type Address struct{ Street, City, Zip string }

type Order struct {
	ID    int
	Name  string
	Email string
	Paid  bool
	Total float64
	Tags  []string
	Ship  Address
	At    string
}

func (o *Order) same(other *Order) bool {
	if len(o.Tags) != len(other.Tags) {
		return false
	}
	for i, tag := range o.Tags {
		if tag != other.Tags[i] {
			return false
		}
	}
	return o.ID == other.ID && o.Name == other.Name && o.Email == other.Email &&
		o.Paid == other.Paid && o.Total == other.Total && o.Ship == other.Ship && o.At == other.At
}

type Foo struct{}

func (Foo) Sum(pair Pair, sum *int) error        { *sum = pair.A + pair.B; return nil }
func (Foo) Order(order Order, echo *Order) error { *echo = order; return nil }
func (Foo) Bytes(blob Blob, echo *Blob) error    { *echo = blob; return nil }

type Setup struct {
	Port        int
	Work        string
	Size        int
	Connections int
	InFlight    int
}

// Alone on its cache line.
type counter struct {
	calls uint64
	_     [120]byte
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	switch os.Args[1] {
	case "server":
		serve()
	case "client":
		var setup Setup
		must(json.Unmarshal([]byte(os.Args[2]), &setup))
		drive(setup)
	}
}

func serve() {
	must(rpc.Register(Foo{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	go rpc.Accept(listener)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
	}
}

func orderOf(caller int) Order {
	return Order{
		ID: 1000 + caller, Name: "Ada Lovelace", Email: "ada@mail.org", Paid: true, Total: 97.25,
		Tags: []string{"books", "gift", "eu"},
		Ship: Address{"12 Fleet St", "London", "SW1Y"}, At: "2026-01-02T03:04:05Z",
	}
}

type load struct {
	setup    Setup
	clients  []*rpc.Client
	payload  []byte
	counters []counter
	stopping int32
	sampling int32
	samples  []float64
	running  sync.WaitGroup
}

func (l *load) call(client *rpc.Client, sent *Order) error {
	switch l.setup.Work {
	case "sum":
		var sum int
		err := client.Call("Foo.Sum", Pair{1, 2}, &sum)
		if err == nil && sum != 3 {
			err = fmt.Errorf("wrong result: 1 + 2 gave %d", sum)
		}
		return err
	case "object":
		var echo Order
		err := client.Call("Foo.Order", sent, &echo)
		if err == nil && !sent.same(&echo) {
			err = fmt.Errorf("wrong result: order %d gave %v", sent.ID, echo)
		}
		return err
	default:
		var echo Blob
		err := client.Call("Foo.Bytes", Blob{l.payload}, &echo)
		if err == nil && !bytes.Equal(echo.Data, l.payload) {
			err = fmt.Errorf("wrong result: %d other bytes", len(echo.Data))
		}
		return err
	}
}

func (l *load) loop(caller int) {
	defer l.running.Done()
	client := l.clients[caller%len(l.clients)]
	sent := orderOf(caller)
	for atomic.LoadInt32(&l.stopping) == 0 {
		if caller == 0 {
			calledAt := time.Now()
			must(l.call(client, &sent))
			if atomic.LoadInt32(&l.sampling) == 1 {
				l.samples = append(l.samples, float64(time.Since(calledAt).Nanoseconds())/1000)
			}
		} else {
			must(l.call(client, &sent))
		}
		atomic.AddUint64(&l.counters[caller].calls, 1)
	}
}

func (l *load) total() (sum uint64) {
	for i := range l.counters {
		sum += atomic.LoadUint64(&l.counters[i].calls)
	}
	return
}

func (l *load) run(ramp, window time.Duration) {
	atomic.StoreInt32(&l.stopping, 0)
	l.samples = l.samples[:0]
	for caller := 0; caller < l.setup.InFlight; caller++ {
		l.running.Add(1)
		go l.loop(caller)
	}
	time.Sleep(ramp)
	before, startedAt := l.total(), time.Now()
	atomic.StoreInt32(&l.sampling, 1)
	fmt.Println("start")
	time.Sleep(window)
	calls, seconds := l.total()-before, time.Since(startedAt).Seconds()
	atomic.StoreInt32(&l.sampling, 0)
	fmt.Println("stop")
	atomic.StoreInt32(&l.stopping, 1)
	l.running.Wait()
	sort.Float64s(l.samples)
	at := func(share float64) float64 {
		if len(l.samples) == 0 {
			return 0
		}
		return l.samples[int(share*float64(len(l.samples)-1))]
	}
	fmt.Printf("result {\"calls\":%d,\"seconds\":%f,\"p50Us\":%f,\"p99Us\":%f}\n",
		calls, seconds, at(0.5), at(0.99))
}

func drive(setup Setup) {
	l := &load{setup: setup, payload: make([]byte, setup.Size), counters: make([]counter, setup.InFlight)}
	for i := range l.payload {
		l.payload[i] = byte(i * 7)
	}
	for i := 0; i < setup.Connections; i++ {
		client, err := rpc.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", setup.Port))
		must(err)
		l.clients = append(l.clients, client)
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var rampMs, windowMs float64
		_, err := fmt.Sscanf(strings.TrimSpace(lines.Text()), "run %g %g", &rampMs, &windowMs)
		must(err)
		ms := float64(time.Millisecond)
		l.run(time.Duration(rampMs*ms), time.Duration(windowMs*ms))
	}
}
