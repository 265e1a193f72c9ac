"""Small files of translators, one of each format."""

XLIFF_1 = """<?xml version='1.0' encoding="UTF-8" standalone="yes"?>
<!-- ours -->
<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2">
  <file source-language="en" original='a.html' target-language="de" datatype="html">
    <header><skl><external-file href="a.skl"/></skl></header>
    <body>
      <trans-unit approved="yes" id="1">
        <source>Good <g id="1">morning</g>.</source>
        <target state="final">Guten <g id="1">Morgen</g>.</target>
      </trans-unit>
      <group id="g">
        <trans-unit id='2' xml:space="default">
          <source>Where is
            the <bpt id="1">&lt;b></bpt>station<ept id="1">&lt;/b></ept>?<x id="2" /></source>
          <note>A question &#8211; of travellers</note>
        </trans-unit>
      </group>
      <trans-unit id="3">
        <source>Thank you.</source>
        <target state="needs-review-translation">Danke.</target>
        <alt-trans><source>Thanks.</source><target>Danke schön.</target></alt-trans>
      </trans-unit>
      <trans-unit id="4" translate="no"><source>QX-7</source></trans-unit>
      <trans-unit id="5"><source>Yes.</source><target state="new">Yes.</target></trans-unit>
      <trans-unit id="6">
        <source>One. Two.</source>
        <seg-source><mrk mid="0" mtype="seg">One.</mrk> <mrk mid="1" mtype="seg">Two.</mrk
        ></seg-source>
      </trans-unit>
    </body>
  </file>
</xliff>
"""

XLIFF_2 = """<xliff version="2.1" xmlns="urn:oasis:names:tc:xliff:document:2.0" xmlns:my='urn:my'
    srcLang="en" trgLang="de">
  <file id="f1">
    <unit id="u1" my:note='kept'>
      <notes><note>A greeting</note></notes>
      <originalData><data id="d1">&lt;b&gt;</data><data id="d2">&lt;/b&gt;</data></originalData>
      <segment id="s1">
        <source>Good <pc id="1" dataRefStart="d1" dataRefEnd="d2">morning</pc>.</source>
      </segment>
      <ignorable><source> <ph id="4"/></source></ignorable>
      <segment id="s2" state="initial" subState="my:new">
        <source>Where is <sc id="2" dataRef="d1"/>the station<ec startRef="2"/>?</source>
      </segment>
    </unit>
    <unit id="u2" translate="no"><segment><source>QX-7</source></segment></unit>
    <unit id="u3">
      <segment state="final"><source>Thank you.</source><target>Danke.</target></segment>
      <segment state="initial"><source>Yes.</source><target>Jo.</target></segment>
    </unit>
  </file>
</xliff>
"""

TMX = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
  <header creationtool="hand" creationtoolversion="1" segtype="sentence" o-tmf="none"
      adminlang="en" srclang="en" datatype="plaintext"/>
  <body>
    <tu tuid="1">
      <note>A greeting</note>
      <tuv xml:lang="en"><seg>Good <hi>morning</hi>.</seg></tuv>
      <tuv xml:lang="de-DE"><prop type="who">Ann</prop><seg>Guten <hi>Morgen</hi>.</seg></tuv>
    </tu>
    <tu tuid="2">
      <tuv xml:lang="en">
        <seg>Where is the <bpt i="1">&lt;b></bpt>station<ept i="1">&lt;/b></ept>?</seg>
      </tuv>
    </tu>
    <tu tuid="3">
      <tuv xml:lang="de"><seg>Danke.</seg></tuv>
      <tuv xml:lang="en"><seg>Thank you.</seg></tuv>
    </tu>
  </body>
</tmx>
"""

PO = r"""# Ours
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Language: de\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#: a.c:1
msgctxt "greeting"
msgid "Good morning."
msgstr "Guten Morgen."

#. A question
#: a.c:2
#, c-format
msgid ""
"Where is the "
"station?"
msgstr ""

#, fuzzy
#| msgid "Thanks."
msgid "Thank you."
msgstr "Danke."

msgid "a \"quiet\" room\n"
msgid_plural "quiet rooms\n"
msgstr[0] ""
msgstr[1] ""

#~ msgid "Yes."
#~ msgstr "Ja."
"""
