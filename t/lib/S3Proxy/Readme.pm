# Reads the Markdown files of the project: the blocks that they print, with the heading that they stand under, and the commands of
# a shell block one by one. What t/readme.t and scripts/check-readme run is taken from there.
#
#     perl -It/lib -MS3Proxy::Readme -e 'print S3Proxy::Readme::script(...)' README.md 'Five minutes' > script
package S3Proxy::Readme;

use v5.36;

# The fenced blocks of a file: language, text, heading, line of the first text line.
sub blocks ($path) {
    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    my ($heading, @blocks, $open) = ('');
    while (my $line = <$in>) {
        if ($open) {
            if ($line =~ /^```\s*$/) { push @blocks, $open; undef $open; next }
            $open->{text} .= $line;
        } elsif ($line =~ /^```(\S*)\s*$/) {
            $open = { language => $1, text => '', heading => $heading, line => $. + 1, file => $path };
        } elsif ($line =~ /^#+ +(.*?)\s*$/) {
            $heading = $1;
        }
    }
    die "$path: a block does not end\n" if $open;
    return @blocks;
}

# Numbers of lines that are code by their indentation only: nothing says what language that is, so nobody tests it.
sub indented_code ($path) {
    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    my ($fenced, $blank, $list, @lines) = (0, 1, 0);
    while (my $line = <$in>) {
        $fenced = !$fenced if $line =~ /^```/;
        next if $fenced;
        $list = 1 if $line =~ /^ *(?:[-*]|\d+\.) /;
        $list = 0 if $line =~ /^[^\s*-]/ && $blank;
        push @lines, $. if $blank && !$list && $line =~ /^ {4}\S/;
        $blank = $line =~ /^\s*$/;
    }
    return @lines;
}

# The commands of a shell block, each with its lines joined and its comment taken off.
sub commands ($text) {
    my @commands;
    for my $line (split /\n/, $text =~ s/\\\n\s*//gr) {
        $line =~ s/(?:^|\s+)#\s.*$//;
        push @commands, $line if $line =~ /\S/;
    }
    return @commands;
}

# The commands of all shell blocks below a heading of the second level, those of its subsections too.
sub section_commands ($path, $heading) {
    open my $in, '<', $path or die "$path: $!\n";
    my ($section) = do { local $/; <$in> } =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "$path has no section $heading\n";
    return map { commands($_) } $section =~ /^```sh\n(.*?)^```$/msg;
}

# The commands of all shell blocks of a file.
sub all_commands ($path) {
    return map { commands($_->{text}) } grep { $_->{language} eq 'sh' } blocks($path);
}

# The path that the first line of a configuration names, if it does.
sub path_of ($block) {
    return $block->{text} =~ m{\A# (/\S+?\.conf)\b} ? $1 : undef;
}

# What stands below a heading as one shell script, configuration written where its first line says.
sub script ($path, $heading) {
    my $script = '';
    for my $block (grep { $_->{heading} eq $heading } blocks($path)) {
        if ($block->{language} eq 'sh') {
            $script .= $block->{text};
        } elsif (my $file = path_of($block)) {
            $script .= "mkdir -p '" . $file =~ s{/[^/]*\z}{}r . "'\ncat >'$file' <<'END OF FILE'\n$block->{text}END OF FILE\n";
        }
    }
    die "$path: nothing to run below \"$heading\"\n" if $script eq '';
    return $script;
}

1;
