package seal

import (
	"fmt"
	"strings"
	"time"
)

// Sheet is the recovery sheet of one root key: what an operator keeps on paper,
// away from the server. It holds no secret. keys init prints it for the first
// root key, keys rotate for each later one, keys sheet each again.
type Sheet struct {
	Recipient   string // of the first master identity
	Recovery    []Recipient
	Epoch       int32
	Fingerprint RootFingerprint
	MadeAt      time.Time
}

// RecoverySheet is the sheet of the first root key of a new master. It fails
// where a recovery recipient stands in the identity file or is given twice.
func RecoverySheet(m *Master, recovery []Recipient, madeAt time.Time) (Sheet, error) {
	if err := distinct(m, recovery); err != nil {
		return Sheet{}, err
	}
	fingerprint, err := m.FirstRootFingerprint()
	if err != nil {
		return Sheet{}, err
	}
	return Sheet{Recipient: m.first().recipient.text, Recovery: recovery, Epoch: firstEpoch, Fingerprint: fingerprint, MadeAt: madeAt}, nil
}

// NextSheet is the sheet of a root key that NextRootKey made.
func (r *Ring) NextSheet(row RootKeyRow, recovery []Recipient, madeAt time.Time) Sheet {
	return Sheet{Recipient: r.master.first().recipient.text, Recovery: recovery, Epoch: row.Epoch, Fingerprint: row.Fingerprint, MadeAt: madeAt}
}

const sheetRule = "------------------------------------------------------------------------"

// String gives the sheet as plain text for paper, in Chinese and English, at
// most 78 columns wide.
func (s Sheet) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line(sheetRule)
	line("SIGNET  恢复单 / RECOVERY SHEET")
	line(sheetRule)
	line("请打印或抄写本单，存放在服务器以外的地方。本单不含任何机密。")
	line("Print or copy this sheet and keep it away from the server. It holds no")
	line("secret.")
	line("")
	line("日期 / Date                     %s", s.MadeAt.UTC().Format("2006-01-02"))
	line("根密钥编号 / Root key           %d", s.Epoch)
	line("根密钥指纹 / Fingerprint        %s", s.Fingerprint)
	line("主身份 / Master recipient")
	line("  %s", shorten(s.Recipient))
	s.writeRecovery(line)
	line("")
	s.writeLoss(line)
	line(sheetRule)
	return b.String()
}

func (s Sheet) writeRecovery(line func(string, ...any)) {
	line("离线恢复身份 / Recovery recipient")
	for _, r := range s.Recovery {
		line("  %s", r.Short())
	}
	if len(s.Recovery) > 0 {
		return
	}
	line("  >>> 没有恢复身份。主身份文件一旦丢失，全部密钥永远无法恢复。")
	line("  >>> THERE IS NONE. If the master identity file is lost, every secret is")
	line("  >>> lost for ever.")
	line("  补救：在一台离线电脑上运行 age-keygen -o recovery.txt，把该文件留在离线处，")
	line("  将它显示的 age1… 一行设为 SIGNET_RECOVERY_RECIPIENT，然后重启。")
	line("  Mend: on a machine that is offline run age-keygen -o recovery.txt, keep")
	line("  that file there, set SIGNET_RECOVERY_RECIPIENT to the age1... line that it")
	line("  prints, and restart.")
}

func (s Sheet) writeLoss(line func(string, ...any)) {
	line("主身份文件丢失时")
	line("  1. 先找该文件的备份。找到则放回原处，权限设为 0600，即可继续。")
	line("  2. 没有备份：取出离线恢复身份和数据库备份（包括密钥备份）。")
	line("  3. 恢复时逐位核对根密钥指纹。与本单不同就停止：那把密钥不是你的。")
	line("  4. 用新的主身份重新封装根密钥，打印新的恢复单。")
	line("主身份文件被盗时")
	line("  换新的主身份，再轮换根密钥，并在企业微信重置每个应用的 Secret。")
	line("")
	line("If the master identity file is lost")
	line("  1. Look for its backup first. Put it back with mode 0600 and go on.")
	line("  2. No backup: fetch the offline recovery identity and the backup of the")
	line("     database with its key backup.")
	line("  3. Compare the fingerprint digit by digit. If it differs from this")
	line("     sheet, stop: that key is not yours.")
	line("  4. Wrap the root key to a new master identity and print a new sheet.")
	line("If the master identity file is stolen")
	line("  Make a new master identity, then rotate the root key as well, and reset")
	line("  the Secret of every app in WeCom.")
}
