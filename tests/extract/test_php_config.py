"""PHP configuration files are data: evaluated where they can be, reported where they cannot, never executed."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.extract.php.config import MAX_SIZE, parse_config, read_config

EXAMPLES = int(os.environ.get("MIGRATE_EXAMPLES", "100"))


def variables(source: str, **constants):
    result = parse_config(b"<?php\n" + source.encode(), constants, directory="/var/www/x/conf", name="conf.php")
    assert result.findings == ()
    return result.variables


def test_nested_arrays_in_both_notations():
    got = variables("$A = array('a' => 1, 2, array(\"x\" => true), ['y' => null], -3.5);")
    assert got["A"] == {"a": 1, 0: 2, 1: {"x": True}, 2: {"y": None}, 3: -3.5}


def test_element_assignments_and_appends():
    got = variables('$P["k"]["j"][] = "a"; $P["k"]["j"][] = "b"; $P[7] = 1; $P[] = 2; $P["8x"] = 3;')
    assert got["P"] == {"k": {"j": {0: "a", 1: "b"}}, 7: 1, 8: 2, "8x": 3}


def test_digit_keys_are_numbers():
    assert variables("$R['0'] = 'zero'; $R['01'] = 'one';")["R"] == {0: "zero", "01": "one"}


def test_comments_hide_what_they_hold():
    assert variables("/* $A = 1; */ // $A = 2;\n# $A = 3;\n$B = 4;") == {"B": 4}


def test_variables_constants_and_concatenation():
    source = 'define("AJXP_DATA_PATH", AJXP_INSTALL_PATH."/data"); $d = "x"; $A = AJXP_DATA_PATH . "/$d/{$d}" . PHP_EOL;'
    result = parse_config(b"<?php " + source.encode(), {"AJXP_INSTALL_PATH": "/var/www/p"})
    assert result.constants["AJXP_DATA_PATH"] == "/var/www/p/data"
    assert result.variables["A"] == "/var/www/p/data/x/x\n"


def test_the_template_pattern_of_one_driver_array_used_three_times():
    got = variables("$sql = array('driver' => 'mysql'); $P = array('A' => array('SQL' => $sql), 'B' => array('SQL' => $sql)); $sql['driver'] = 'x';")
    assert got["P"] == {"A": {"SQL": {"driver": "mysql"}}, "B": {"SQL": {"driver": "mysql"}}}


def test_paths_of_the_file_itself():
    got = variables("$a = dirname(__FILE__); $b = __DIR__ . '/x'; $c = realpath(dirname(__FILE__).'/../data'); $d = dirname(dirname(__FILE__));")
    assert got == {"a": "/var/www/x/conf", "b": "/var/www/x/conf/x", "c": "/var/www/x/data", "d": "/var/www/x"}


def test_guarded_definitions():
    source = b'<?php if (!defined("A")) define("A", 2); if (!defined("B")) { define("B", 2); } defined("C") || define("C", 3); const D = 4;'
    assert parse_config(source, {"A": 1}).constants == {"A": 1, "B": 2, "C": 3, "D": 4}


def test_first_definition_of_a_constant_stays():
    assert parse_config(b'<?php define("A", 1); define("A", 2);').constants == {"A": 1}


def test_texts_and_escapes():
    got = variables(r"""$a = 'it\'s \n'; $b = "tab\t\x41\101\$"; $c = <<<EOT
one
 two {$a}
EOT;
$d = <<<'EOT'
raw $a \n
EOT;
""")
    assert got["a"] == "it's \\n"
    assert got["b"] == "tab\tAA$"
    assert got["c"] == "one\n two it's \\n"
    assert got["d"] == "raw $a \\n"


def test_bytes_that_are_no_utf8_survive():
    got = parse_config(b"<?php $a = '/srv/caf\xe9';").variables["a"]
    assert os.fsencode(got) == b"/srv/caf\xe9"


def test_html_around_the_code_is_ignored():
    assert parse_config(b"hello <b>$A = 1;</b> <?php $A = 2; ?> $A = 3;").variables == {"A": 2}


def test_what_php_would_not_reach_is_not_read():
    assert parse_config(b"<?php $A = 1; return; $A = 2;").variables == {"A": 1}
    assert parse_config(b"<?php function f() { $A = 1; } class B { public $A = 1; }").variables == {}


def test_a_call_is_a_finding_with_line_and_source_and_the_rest_is_read():
    result = parse_config(b"<?php\n$A = array('PATH' => getenv('HOME'), 'CREATE' => true);\n$B = 1;", name="conf/x.php")
    assert result.variables == {"A": {"CREATE": True}, "B": 1}
    (found,) = result.findings
    assert (found.code, found.subject) == ("F1010", "conf/x.php")
    assert "line 2" in found.message and "getenv('HOME')" in found.message


def test_an_old_value_does_not_outlive_an_unreadable_assignment():
    assert parse_config(b"<?php $A = 1; $A = getenv('X');").variables == {}


def test_unknown_conditions_set_nothing():
    result = parse_config(b"<?php if (PHP_VERSION > 5) { $A = 1; } else { $A = 2; }")
    assert result.variables == {}
    assert [f.code for f in result.findings] == ["F1014"]


@pytest.mark.parametrize(
    "source",
    [
        "$A = array('password' => f('hunter2'));",
        "$A = array('password' =>\n f('hunter2'));",
        "$A['mysql_password'] =\n f('hunter2');",
        "define('AJXP_SAFE_SECRET_KEY',\n f('hunter2'));",
        "$dsn = f('mysql://u:hunter2@h');",
    ],
)
def test_no_finding_shows_a_line_with_a_password(source):
    result = parse_config(b"<?php\n" + source.encode())
    assert result.findings
    assert "hunter2" not in repr(result)


def test_nothing_is_executed(tmp_path):
    target = tmp_path / "made"
    parse_config(f"<?php $A = file_put_contents('{target}', 'x'); `touch {target}`; system('touch {target}'); include '{target}';".encode())
    assert not target.exists()


def test_growth_without_end_is_stopped():
    result = parse_config(b"<?php $a = array(1);" + b"$a = array($a, $a);" * 60 + b"$b = 'x';" + b"$b = $b . $b;" * 60 + b"$c = 1;")
    assert result.variables["c"] == 1
    assert {f.code for f in result.findings} == {"F1010"}


@pytest.mark.parametrize("piece", [b"([", b"[", b"array(", b"if(1)", b"{", b'"$a[', b"!", b"(", b"$a=", b"if(1){}else "])
def test_deep_nesting_is_survived(piece):
    parse_config(b"<?php $x = 1; " + piece * 5000)
    parse_config(b"<?php $x = " + piece * 5000)


def test_a_broken_file_is_a_finding_and_what_can_be_read_is():
    result = parse_config(b"<?php\n$A = 1;\n$B = array('x' => \n")
    assert result.variables["A"] == 1
    assert "F1011" in {f.code for f in result.findings}


def test_huge_and_missing_files_are_findings(tmp_path):
    big = tmp_path / "big.php"
    big.write_bytes(b" " * (MAX_SIZE + 1))
    assert [f.code for f in read_config(big).findings] == ["F1012"]
    assert [f.code for f in read_config(tmp_path / "none.php").findings] == ["F1013"]


words = st.sampled_from(
    "<?php ?> $a $b = . array( ) [ ] , ; => 'x' \"y$a\" define( const if ( else { } <<<E \nE;\n 1 0x1 -5 null true getenv( ! return".split(" ")
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300) | st.lists(words, max_size=60).map(lambda w: ("<?php " + " ".join(w)).encode()))
def test_any_bytes_give_a_result(source):
    parse_config(source)


def test_findings_deep_inside_are_told_without_looking_for_what_surrounds_them(monkeypatch):
    looked = []
    monkeypatch.setattr("migrate.extract.php.config.decode", lambda data: looked.append(1) or data.decode("utf-8", "surrogateescape"))
    result = parse_config(b"<?php $x = 1; " + b"if(1)" * 2000)
    assert "F1011" in {f.code for f in result.findings}
    assert len(looked) < 200
