package fault

// What whoever repeats a call may be told.
const (
	IdempotencyMismatch Code = "idempotency.mismatch"
	IdempotencyRunning  Code = "idempotency.running"
	IdempotencyUnknown  Code = "idempotency.unknown"

	ReasonIdempotencyKey Reason = "idempotency_key"
)

var _ = includeCodes(map[Code]row{
	IdempotencyMismatch: {Unprocessable,
		Text{"Idempotency-Key 已用于另一个请求", "Idempotency-Key was used for another request"},
		Text{"这个 Idempotency-Key 在 24 小时内已用于内容不同的请求，什么都没有改变。请换一个新的再试。",
			"This Idempotency-Key was used within 24 hours for a request that says something else. Nothing was changed. Send another key."}},
	IdempotencyRunning: {Conflict,
		Text{"同一个请求正在处理", "The same request is under way"},
		Text{"带着这个 Idempotency-Key 的请求还在处理。请在 Retry-After 所示的秒数之后用同一个键再试。",
			"The request with this Idempotency-Key is under way. Try again with the same key after the seconds in Retry-After."}},
	IdempotencyUnknown: {Conflict,
		Text{"上一次的结果不明", "Nobody knows what became of it"},
		Text{"带着这个 Idempotency-Key 的请求没有留下结果，可能已经生效，也可能没有。请先查看列表；确实没有时，再用新的键重发。",
			"The request with this Idempotency-Key left no result: it may have done its work, or not. Look at the list first; if it is not there, send it again with another key."}},
})

var _ = include(map[Reason]Text{
	ReasonIdempotencyKey: {"应为 1 到 255 个可见的 ASCII 字符，且只出现一次。", "It should be 1 to 255 visible ASCII characters, and stand there once."},
})
