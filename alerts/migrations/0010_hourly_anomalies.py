from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_plain_words'),
        ('alerts', '0009_anomalies_judge_days'),
        ('budgets', '0010_longer_reasons'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='notananomaly',
            name='one_answer_per_day',
        ),
        migrations.AddField(
            model_name='notananomaly',
            name='hour_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='alert',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day or hour'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AlterField(
            model_name='alertrule',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day or hour'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalalertrule',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day or hour'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('type', 'anomaly'), _negated=True), ('window__in', ('hourly', 'daily')), _connector='OR'), name='anomaly_rule_judges_days_or_hours'),
        ),
        migrations.AddConstraint(
            model_name='notananomaly',
            constraint=models.UniqueConstraint(condition=models.Q(('hour_at', None)), fields=('organization', 'budget', 'day'), name='one_answer_per_day'),
        ),
        migrations.AddConstraint(
            model_name='notananomaly',
            constraint=models.UniqueConstraint(condition=models.Q(('hour_at__isnull', False)), fields=('organization', 'budget', 'hour_at'), name='one_answer_per_hour'),
        ),
    ]
