package apptest

// MarkedIdentity is a master identity of tests alone, plain and as age -p protects it
// with little work.
type MarkedIdentity struct {
	Text, Recipient    string
	Passphrase, Locked string
}

// MarkedMaster and MarkedOffline are two of them; no platform but a test's has them.
var (
	MarkedMaster = MarkedIdentity{
		Text:       "AGE-SECRET-KEY-1" + "L8QX6CEJ8LMUJV543W7YHYZRYF3PT3A32WKES00K5RC9Z3CNYA9Q6FNEKN",
		Recipient:  "age1ug48sm3vcpvznelunuwcg2v7ctzx5lpfss09huax24fewquf6vlq8r5avw",
		Passphrase: "CANARYmaster-passphrase-P",
		Locked: `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBRYzVxNU05dm1jZU1XYk1W
cnZkS3lRIDEwCnVRVnhGM3ByMkpXMU5PaTZkaFpqSVBkUTMwbFRaWmpZU01uMktt
WWF2MlUKLS0tIDVqbVFpazFNNTNYaWhXcU9xbWlmeEFEaURNdkp2NlJjRFBLRWlq
Y0t5djQK/GC6xFo7/TToTLnCmfuI3kjM7vQyfAi3gXJz1DJId1FoeMXluBBrzfdt
mpGnwu2yLQb2+l7iNQSMCSV/qB41xIkxUSGp0vWpwN080Er0uDyvDSl1OI/bFRMg
2qluPrgrcG8i9QfcQVXP23a4Z73/PuEewuMHM5lqWPiY6b8fWXtKKhkv949nhX8Q
cS8mgd5X7OsJ/r7fXVYMwmSk/RamzJhAg4l3VMpV1Oqp1hr/EFZqezSirpWgsPnE
MlIeN0epw1N0YuzKyVNQGBjiM8dFRAJt4dKSkicbSZ+33ubmVxd6yMPf7lv7KDUl
CkL3S/1V39Y9MNtKnIizVckPR9pCGHMjhrcIxftx0PpkN25T6SY/
-----END AGE ENCRYPTED FILE-----
`,
	}
	MarkedOffline = MarkedIdentity{
		Text:       "AGE-SECRET-KEY-1" + "KLNZJWY6RYXZGJDG3GQ2UZJA4T5HELDGMNC8QKYYP8G5LFGJPAYS83K3VV",
		Recipient:  "age1q7xnu6ug39md3ns95cy4la4aclwqyqqhnpj8zlflurg3h5fpyukstt4qf2",
		Passphrase: "CANARYoffline-passphrase-Q",
		Locked: `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCB4WXZtb1h3TG4vTUZrNFZX
YzdBamlBIDEwCjBEejBWZmY4a0FVZ3FtZUtGK0w0Q2laeXd3ejVKcW82VVRqVXNN
Y0VzNXcKLS0tIHZEVVJFSEJnUnpaNWpMQ0VCVi9pVkpPeWZDTW94RkwzUmx1STBo
MzI2eEkKgvSui7zhc7zxFzMJ/wJ7pA4Ioz+OEwsxnqb9QH/ovOrEOH6NDQ81UhLR
6nFBf6fT4xXBDh1Aj4g7BhzU6cdf+SMdkh6nEBA6ELp/UsDQpCvIQbQLGVleFJ6v
w1AzPb74XPrqdV2IDkDGgaE3fq+4EeAvoDjzqyqgbvxbS0/hfhajF5nXjyx3nAOA
GNI0PIREy0e5MNMmdgwX2s/spzYjrGH+7W6PIs/2iKAsJdcJB6wnZ1OBp26ZXxvc
5NzMHzC8bC0mu7exo9vedakD6lzS/DISpeZX+ZIX1DQ6hgoK4fpWr3VySc4A/xRW
/z/q9qxH9NIWLilyzrfewu6Mkyk8ZrmegQizjilZzWSKU4m3eOx+
-----END AGE ENCRYPTED FILE-----
`,
	}
)
